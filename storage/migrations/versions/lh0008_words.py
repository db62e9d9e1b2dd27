"""An index of the words of all texts, for searching by words."""

from alembic import op

revision = "lh0008"
down_revision = "lh0007"
branch_labels = None
depends_on = None

SQLITE = (
    # The texts stay where they are; the index holds their words alone, and the triggers keep it in step.
    "CREATE VIRTUAL TABLE rendering_words USING fts5("
    "text, content='renderings', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2')",
    "CREATE TRIGGER rendering_words_insert AFTER INSERT ON renderings BEGIN "
    "INSERT INTO rendering_words (rowid, text) VALUES (new.id, new.text); END",
    "CREATE TRIGGER rendering_words_delete AFTER DELETE ON renderings BEGIN "
    "INSERT INTO rendering_words (rendering_words, rowid, text) VALUES ('delete', old.id, old.text); END",
    "CREATE TRIGGER rendering_words_update AFTER UPDATE OF id, text ON renderings BEGIN "
    "INSERT INTO rendering_words (rendering_words, rowid, text) VALUES ('delete', old.id, old.text); "
    "INSERT INTO rendering_words (rowid, text) VALUES (new.id, new.text); END",
    "INSERT INTO rendering_words (rendering_words) VALUES ('rebuild')",
)
# Marks of accents are taken off and hyphens separate words, as in SQLite's index. Only a database in UTF-8 can take
# letters apart. A tsvector has room for a megabyte, and a longer text would be refused.
FOLDED = "regexp_replace(normalize(left(words, 100000), NFKD), '[\u0300-\u036f]', '', 'g')"
UNFOLDED = "left(words, 100000)"
POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION longhand_words(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE "
    "AS $$ SELECT translate({folded}, '!\"#$%&()*+,-./:;<=>?@[]^_`{{|}}~', repeat(' ', 30)) $$",
    "CREATE INDEX ix_renderings_words ON renderings USING gin (to_tsvector('english', longhand_words(text)))",
)


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        for statement in SQLITE:
            connection.exec_driver_sql(statement)
        return
    is_utf8 = connection.exec_driver_sql("SHOW server_encoding").scalar() == "UTF8"
    for statement in POSTGRESQL:
        folded = statement.format(folded=FOLDED if is_utf8 else UNFOLDED)
        connection.exec_driver_sql(folded.replace("%", "%%"))
