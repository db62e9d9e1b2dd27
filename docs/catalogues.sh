#!/usr/bin/env bash
# Takes the German, French and Spanish gettext catalogues out of free programs' source packages, for
# `longhand corpus import`: docs/catalogues.sh FOLDER
#
# Needs Debian 12 with apt-get; fetches some 4 GB, one package after the other, and keeps 250 MB. Manuals are left out
# where the corpus holds their pages (help/, helpcontent2): what stands there is split by document, here it could not be.
# So are all programs whose manuals are kept for acceptance (concepts/corpus/split.py). PACKAGES="grep sed" takes others.
set -euo pipefail

out=$(realpath -m "${1:?usage: docs/catalogues.sh FOLDER}")
packages=${PACKAGES:-"
akonadi apt aptitude audacity backintime bash binutils bison blender brasero calibre coreutils cryptsetup cups darktable
debconf diffutils dpkg e2fsprogs easytag epiphany-browser evolution-data-server exiv2 findutils flatpak flex four-in-a-row
freeciv freedroidrpg fwupd gawk gdb gettext gimp git glib2.0 gnome-builder gnome-calculator gnome-control-center
gnome-klotski gnome-photos gnome-settings-daemon gnome-shell gnucash gnumeric gnupg2 grep gtk+3.0 gtk4 gutenprint gvfs
hexchat inkscape installation-guide iso-codes kaddressbook kdevelop kio kmail konsole krita kstars kwin libgphoto2
libreoffice marble mousepad mutt mutter naev nano nautilus network-manager neverball okular packagekit parted
postgresql-15 procps psmisc quodlibet sane-backends sed shadow subversion supertux supertuxkart synaptic systemd tar
texinfo thunar tracker util-linux vim wesnoth-1.16 wget wine xfce4-settings xz-utils
calligra calligraplan debian-edu-doc exim4 gnubg grub2 ibus kexi linuxcnc man-db openldap openssh phpmyadmin postfix
pulseaudio samba wireshark
"}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out" "$work/lists/partial" "$work/parts"
# The machine's own archives, asked for sources beside its own settings.
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
    [ -f "$list" ] || continue
    sed -E 's/^Types:.*/Types: deb-src/; s/^deb /deb-src /' "$list" > "$work/parts/$(basename "$list")"
done
apt=(apt-get -o "Dir::Etc::SourceList=/dev/null" -o "Dir::Etc::SourceParts=$work/parts" -o "Dir::State::Lists=$work/lists"
     -o "APT::Sandbox::User=root")
"${apt[@]}" -q update || true  # an archive without sources is no reason to stop

for package in $packages; do
    mkdir "$work/$package"
    # A mirror may lack the description or Debian's own part of a package whose source it has.
    if ! (cd "$work/$package" && { "${apt[@]}" -q source --download-only --only-source "$package" > log 2>&1 \
            || "${apt[@]}" -q source --download-only --only-source --tar-only "$package" >> log 2>&1; }); then
        echo "$package: not found, left out: $(tail -n 1 "$work/$package/log")" >&2
        rm -r "${work:?}/$package"
        continue
    fi
    mkdir "$work/$package/files"
    find "$work/$package" -maxdepth 1 -name '*.tar.*' ! -name '*.asc' -print0 \
        | xargs -0 -I{} tar -xf {} -C "$work/$package/files" --wildcards '*.po' 2> /dev/null || true
    number=0
    while IFS= read -r file; do
        lang=$(grep -oE '[/._-](de|fr|es)([/.]|$)' <<< "${file%.po}." | tail -n 1 | tr -dc 'a-z') || continue
        number=$((number + 1))
        cp "$file" "$out/$package-$number.$lang.po"
    done < <(find "$work/$package/files" -name '*.po' ! -path '*/help/*' ! -path '*helpcontent2*' ! -path '*/po-doc/*' | sort)
    echo "$package: $number catalogues"
    rm -r "${work:?}/$package"
done
