"""Everyday words of languages in Latin script, by which a prompt of one or two words shows its language.

py3langid cannot tell two words of Czech from an English prompt with a Czech name ("Dvořák symphony"). Greetings,
pronouns, questions, and words of home, food and work can: most of them are no word, name or loan word in English,
German, French or Spanish. No package that Longhand needs brings lists of words.
"""

from __future__ import annotations

COMMON_WORDS = {
    tag: frozenset(words.split())
    for tag, words in {
        "pl": """
            dzień dobry dobra dobre dobrej wieczór widzenia przepis przepisy moja moje mój twoja twój nasz nasza
            dziękuję dzięki bardzo proszę cześć pies psa kota stary stara stare nowy nowe czysta czysty zdrowe zdrowa
            zdrowy śniadanie obiad kolacja kolację chleb chleba zupa zupę słychać gdzie kiedy dlaczego kosztuje
            wszystkiego najlepszego pracy pracę rodzina rodziny rodzinie ogród ogrodu ogrodzie samochód rower podróż
            książka szkoła szkole dziecko dzieci dziecka miasto mieście woda wody mleko cukier jestem jesteś mamy mieć
            robić zrobić napisać napisz upiec ugotować gotować kupić mieszkanie ludzie świat świecie życie życia
            wiosna zima lepszy lepiej lepsze zdrowie zdrowia wakacje urodziny urodzin praca polska polskie polskich
            język języka nauka nauki miłość święta święto święty opowiadanie wiersz kuchnia kuchni ciasto mąka żona
            mąż matka ojciec babcia córka jak się jest dla nie na ze przez przy oraz czy też już tylko bez
        """,
        "cs": """
            dobrý dobré dobrou dobrá ráno večer shledanou moje můj moji tvůj naše náš děkuji děkuju prosím moc ahoj
            čau polévka polévku snídaně snídani oběd večeře večeři nová nový nové starý stará staré práce práci péče
            pes psa kočka kočku dům domu domácí chléb chleba všechno nejlepší dopis čistá čistý čisté kuchyně kuchyni
            kuchyň noc zdravá zdravý zdravé zdraví kde kdy proč kolik stojí rodina rodiny rodinu zahrada zahrady
            zahradě zahradu auto kolo vlakem cesta cesty výlet kniha knihy škola školy škole dítě děti dětí město
            města voda vody mléko cukr jsem jsi jsme mám máme mít být dělat udělat napsat upéct uvařit vařit koupit
            zhubnout byt lidé svět světě život života jaro léto zima podzim lepší lépe spánek zdravě narozeniny
            narozeninám dovolená česká české český jazyk láska vánoce báseň příběh recept recepty manželka manžel
            matka otec babička babičce dcera jak na pro se je není také už jen bez
        """,
        "da": """
            hvordan hvornår hvorfor hvad hvem hvor godmorgen godnat goddag aften mange tak venlig mit mine din dit
            vores familie haven ny nyt nye cykel sund sundt morgenmad frokost aftensmad gammelt gammel gamle rent rene
            køkken køkkenet tillykke koster hund hunden kat hjemmebagt brød brødet rejse rejser bedre søvn lær lære
            svømning svømme dansk danske mad maden er på jeg du vi ikke også med uden til fra bage bager lave laver
            skrive skriv købe bolig menneske mennesker verden livet børn børnene skole skolen arbejde bil bilen vand
            mælk sukker mel fødselsdag ferie jul kærlighed digt historie opskrift opskrifter kone mand mor far
            bedstemor datter huset byen sommer vinter forår efterår hjem hjemme og af som hvis meget nu
        """,
        "sv": """
            morgon kväll god hur varför när vem vad mitt mina din ditt vår vårt tack tusen snälla hej trädgård
            trädgården nytt nya cykel nyttig nyttigt frukost middag gammalt gammal gamla rent kök köket grattis kostar
            hund hunden katten hembakat bröd brödet resa resor bättre sömn lär lära simma natt svensk svenska mat
            maten jag inte också med utan till från baka bakar laga lagar skriva skriv köpa bostad människor världen
            livet barn barnen skola skolan arbete bilen vatten mjölk socker mjöl födelsedag semester jul kärlek dikt
            berättelse recept fru man mor far mormor dotter huset staden sommar sommaren vinter höst hemma och av som
            är på så mycket familj familjen skogen över då
        """,
        "no": """
            hvordan hvorfor hva hvem hvor morgen kveld natt tusen takk vennlig mitt mine din ditt vår vårt familie
            familien hagen hage ny nytt nye sykkel sunn sunt frokost middag gammelt gammel gamle rent kjøkken
            kjøkkenet gratulerer koster hund hunden katten hjemmebakt brød brødet reise reiser bedre søvn lær lære
            svømming svømme norsk norske mat maten er på jeg du vi ikke også med uten til fra bake baker lage lager
            skrive skriv kjøpe bolig mennesker verden livet barn barna skole skolen arbeid bilen vann melk sukker mel
            bursdag ferie jul kjærlighet dikt historie oppskrift oppskrifter kone mann mor far bestemor datter huset
            byen sommer vinter høst hjemme og av som det deg meg veldig
        """,
        "nl": """
            goede goedemorgen goedenavond goedendag middag avond mijn jouw onze jullie hartelijk hartelijke bedankt
            tuin tuinen nieuwe nieuw fiets gezond gezonde ontbijt oude huis huizen schone keuken gefeliciteerd kost
            hond honden zelfgebakken beter betere slapen leren zwemmen nederlands nederlandse eten waar wanneer waarom
            hoeveel ziens alstublieft dankjewel hoe wat wie ik wij niet geen ook maar voor naar zonder bakken koken
            maken schrijven schrijf kopen woning mensen wereld leven kinderen kind school werk werken auto melk suiker
            meel verjaardag vakantie kerstmis liefde gedicht verhaal recept recepten vrouw moeder vader dochter stad
            zomer herfst lente thuis het een en van mee reizen maaltijd lekker lekkere hallo
        """,
        "it": """
            buongiorno buonasera buona buone buoni sera notte tutti tutte mille grazie prego come cucinare cucina il
            lo gli mio mie miei giardino bicicletta nuova nuovo nuovi colazione pranzo cena sana sano vecchia vecchio
            pulita pulito tanti auguri quanto perché quando pane fatto viaggio viaggi viaggiare dormire meglio
            imparare nuotare cibo italiano italiana dove sono siamo cane gatto famiglia fare scrivere comprare gente
            mondo vita bambini bambino scuola lavoro lavorare macchina acqua latte zucchero farina compleanno vacanza
            vacanze natale amore poesia racconto ricetta ricette moglie marito madre padre nonna figlia città estate
            inverno autunno primavera casa della dello degli delle nella questo questa che non senza anche più è di e
            per
        """,
        "pt": """
            bom boa dia dias noite tarde fazer faço minha minhas meu meus muito muita obrigado obrigada jardim
            bicicleta nova novo velha velho cozinha cozinhar limpa limpo feliz aniversário quanto custa cachorro cão
            gato pão caseiro caseira viagem viagens viajar dormir melhor aprender nadar comida brasileira brasileiro
            portuguesa onde está estão até logo família como você vocês não também mais sem café manhã almoço jantar
            saudável escrever comprar gente mundo vida crianças criança escola trabalho trabalhar água leite açúcar
            farinha férias natal amor poesia história receita receitas esposa marido mãe pai avó filha cidade verão
            inverno outono olá primavera casa são uma um da do das dos na no é de e para
        """,
        "fi": """
            hyvää hyvä huomenta iltaa päivää yötä kuinka miten miksi missä milloin mitä kuka minun sinun meidän
            perheeni perhe paljon kiitoksia kiitos puutarhani puutarha puutarhan uusi uuden pyörä terveellinen
            terveellistä aamiainen lounas illallinen vanha talo talon puhdas keittiö keittiön syntymäpäivää maksaa
            koirani koira koiran kissa kotitekoinen leipä leivän leipoa leipää matka junalla parempi paremmin uni opi
            oppia uimaan uida suomalainen suomalaista suomen ruoka ruokaa on ovat kuuluu terve moi minä sinä ei myös
            ja ilman tehdä teen kirjoittaa kirjoita ostaa asunto ihmiset maailma elämä lapset lapsi koulu työ työtä
            auto vesi maito sokeri jauho loma joulu rakkaus runo tarina resepti vaimo mies äiti isä mummo tytär
            kaupunki kesä talvi syksy kevät koti kotona
        """,
        "hu": """
            jó reggelt napot estét éjszakát hogyan hogy mikor miért hol mennyi mennyibe családom család nagyon
            köszönöm köszönjük kertem kert kerti új kerékpár bicikli egészséges reggeli ebéd vacsora régi ház háza
            tiszta konyha boldog születésnapot születésnap kerül kutyám kutya macska házi kenyér kenyeret utazás
            vonattal jobb jobban alvás tanulj tanulni úszni magyar ételek étel van vagyok süssünk sütni főzni csinálni
            írni vásárolni lakás emberek világ élet gyerekek gyerek iskola munka autó víz tej cukor liszt szabadság
            karácsony szerelem vers történet recept feleség férj anya apa nagymama lánya város nyár tél ősz tavasz
            itthon szia az egy és nem is én te mi a
        """,
        "tr": """
            günaydın herkese iyi akşamlar geceler günler nasıl neden nerede kim ne kadar benim senin bizim ailem aile
            çok teşekkürler teşekkür ederim bahçem bahçe yeni bisiklet sağlıklı kahvaltı öğle yemeği akşam eski ev
            evde temiz mutfak mutlu yıllar kaç para köpeğim köpek kedi ekmeği ekmek yolculuk yolculuğu daha uyku yüzme
            öğrenmek türk türkçe yemekleri yemek bu şu var yok yapılır yapmak yapımı yazmak almak insanlar dünya hayat
            çocuklar çocuk okul iş araba su süt şeker un doğum günü tatil aşk şiir hikaye tarifi tarif tarifleri karım
            kocam anne baba büyükanne kızım şehir yaz kış sonbahar ilkbahar merhaba selam ben sen değil ve için ile
            bir
        """,
        "ro": """
            bună dimineața ziua seara noaptea noapte cum unde când cine cât costă gătesc găti familia mea meu mei
            mulțumesc mult mulțumim grădina grădină bicicletă nouă nou mic dejun prânz cină casă veche vechi bucătărie
            bucătăria curată curat mulți ani câinele câine pisica pâine pâinea călătorie somn mai bine învăț învăța
            mâncare românească românești este sunt și să nu fără face scrie scrisoare cumpăra locuință oameni lume
            lumea viață viața copii copilul școală școala muncă mașină apă lapte zahăr făină vacanță crăciun dragoste
            poezie poveste rețetă rețete soția soțul mamă tată bunica fiica oraș vara iarna toamna primăvara acasă
            sănătos sănătate pentru de cu la un o
        """,
    }.items()
}
"""Everyday words by py3langid's code of their language."""

_ALSO_ELSEWHERE = frozenset(
    """
    a acqua af ahoj aile amor amore anche ani anne apa aprender araba asunto auto av az baba bage bake baker bakken
    bambini bambino barn ben bez bicicleta bil bine bir boa bolig bom brasileira brasileiro bu buona buonasera
    buongiorno byen byt café cane casa cena cesta che cine come comida como comprar cu cucina cum czy da dansk
    danske das de deg degli dejun della delle det di dia dias din dit dla do domu dormir dos dotter dove du e een
    egy ei en er eski esposa estate este está ev face familia familie familien familj família far fare feliz ferie
    fra fru gato gente god grazie hage hagen hallo haven hayat hej hemma het hikaye historie hoe hol hund hur iarna
    ik il ile is italiana italiano iyi ja jag jaro jauho je jen jest jobb joulu jul kadar kat kde kedi kert kim kind
    kinderen kissa kolo kone kost kota koti kuka la lage lager lapte latte lave laver lekker lekkere lente liszt lo
    logo loma lume maar mad madre magyar mai mais maito mamy man mand mange mann marido mat matka mea med mee mei
    mel melk meu mi mic middag mie mies mille mina mine mio mit mitt moc moi moja moje moji mondo mor morgen mult
    mundo mutlu na nadar natal natale natt nauka ne neden nederlands nederlandse nella nie no noc noite non norsk
    norske notte nou nova novo nu nuova nuovi nuovo ny nya nye nyt nytt o og okul on onde onze ook opi oude padre
    pai pane para per pes pies poesia polska polskich polskie portuguesa pranzo prego primavera pro psa quanto
    recept recepty reggeli reise reiser reizen rejse rene rent resa românească românești rower runo sana sano schone
    school se selam sem semester sen sera skola skole skriv som sommer sono stad stare su sund sunn sunt suomalainen
    suomen svensk svenska são tack tak talo talon tanti tarde tarif te teen tej terve til till tuin tutti türk
    türkçe uden um uma un uni vacanza vad vader van vann var vara ve vecchia vecchio verden verhaal vers vesi vi
    viajar vida vinter vita voda vody voor wat werk werken wie woda yaz yeni ze zima zonder zupa è é česká české
    český
    """.split()  # noqa: SIM905  # a list of words reads better so
)
"""Those that are also English, German, French or Spanish words, or names: they count less than a distinct one. Of
73,617 titles and short lines in these languages none is taken for another one, but "Quanto custa?"."""

DISTINCT_WORDS = {tag: words - _ALSO_ELSEWHERE for tag, words in COMMON_WORDS.items()}
"""Those that none of these has."""
