-- A file of the eighth schema, as `sqlite3 old.db .dump` wrote it; never change it.
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version VALUES('lh0008');
CREATE TABLE attempts (
	id INTEGER NOT NULL, 
	document_id TEXT NOT NULL, 
	unit_id INTEGER, 
	stage TEXT NOT NULL, 
	epoch BIGINT NOT NULL, 
	owner TEXT NOT NULL, 
	started_at DOUBLE NOT NULL, 
	finished_at DOUBLE, 
	outcome TEXT NOT NULL, 
	error TEXT, 
	timing JSON NOT NULL, 
	CONSTRAINT pk_attempts PRIMARY KEY (id), 
	CONSTRAINT fk_attempts_document_id FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE, 
	CONSTRAINT fk_attempts_unit_id FOREIGN KEY(unit_id) REFERENCES units (id) ON DELETE SET NULL
);
CREATE TABLE concepts (
	id INTEGER NOT NULL, 
	plan_item_id INTEGER NOT NULL, 
	ordinal INTEGER NOT NULL, 
	vector BLOB NOT NULL, 
	CONSTRAINT pk_concepts PRIMARY KEY (id), 
	CONSTRAINT fk_concepts_plan_item_id FOREIGN KEY(plan_item_id) REFERENCES plan_items (id) ON DELETE CASCADE, 
	CONSTRAINT uq_concepts_plan_item_id_ordinal UNIQUE (plan_item_id, ordinal)
);
INSERT INTO concepts VALUES(1,1,0,X'1c32c43ff313bc3f8aaa1e3e859ec13e');
INSERT INTO concepts VALUES(2,1,1,X'ed4563bfbd8afdbf8b21b2bef219203e');
INSERT INTO concepts VALUES(3,3,0,X'2a7a9d3f95e7993fb34fc6be6dc79abe');
INSERT INTO concepts VALUES(4,3,1,X'fc3686bf26c3b5bf1067dabf02b3f93f');
CREATE TABLE documents (
	id TEXT NOT NULL, 
	status TEXT NOT NULL, 
	epoch BIGINT NOT NULL, 
	owner TEXT, 
	lease_until DOUBLE, 
	lang TEXT NOT NULL, 
	seed BIGINT NOT NULL, 
	priority INTEGER NOT NULL, 
	created_at DOUBLE NOT NULL, 
	updated_at DOUBLE NOT NULL, 
	active_outline_id BIGINT, 
	space_card TEXT, 
	space_checksum TEXT, 
	space_dim INTEGER, 
	planner_card TEXT, 
	planner_checksum TEXT, 
	writer_card TEXT, 
	writer_checksum TEXT, 
	idempotency_key TEXT, 
	flow_run_id TEXT, 
	title TEXT, 
	error TEXT, 
	params JSON NOT NULL, 
	prompt TEXT NOT NULL, 
	CONSTRAINT pk_documents PRIMARY KEY (id), 
	CONSTRAINT uq_documents_idempotency_key UNIQUE (idempotency_key)
);
INSERT INTO documents VALUES('2q50t02p326r','done',1,NULL,NULL,'eng_Latn',0,0,1795457984.4706163405,1795457984.5742657184,1,'mini','abc',4,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{"a": 1}','Hello');
CREATE TABLE outlines (
	id INTEGER NOT NULL, 
	document_id TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	source TEXT NOT NULL, 
	created_at DOUBLE NOT NULL, 
	note TEXT, 
	CONSTRAINT pk_outlines PRIMARY KEY (id), 
	CONSTRAINT fk_outlines_document_id FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE, 
	CONSTRAINT uq_outlines_document_id_version UNIQUE (document_id, version)
);
INSERT INTO outlines VALUES(1,'2q50t02p326r',1,'model',1795457984.5017461776,NULL);
CREATE TABLE plan_items (
	id INTEGER NOT NULL, 
	outline_id INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	parent_path TEXT, 
	depth INTEGER NOT NULL, 
	ordinal INTEGER NOT NULL, 
	is_leaf BOOLEAN NOT NULL, 
	status TEXT NOT NULL, 
	planned_length INTEGER NOT NULL, 
	unit INTEGER, 
	stop_reason TEXT, 
	similarity DOUBLE, 
	content_hash TEXT NOT NULL, 
	heading TEXT, 
	lead BLOB, 
	gist BLOB, lineage BIGINT, 
	CONSTRAINT pk_plan_items PRIMARY KEY (id), 
	CONSTRAINT fk_plan_items_outline_id FOREIGN KEY(outline_id) REFERENCES outlines (id) ON DELETE CASCADE, 
	CONSTRAINT uq_plan_items_outline_id_path UNIQUE (outline_id, path)
);
INSERT INTO plan_items VALUES(1,1,'1',NULL,1,1,1,'decoded',2,0,NULL,NULL,'947f0f5bf90e9e9ba3f310a2bd01cc5f8b773468fa7bef472aa25c017d325d31','h1',X'240cef3fe22e7abfff38733f62fd1abe',X'6864d3bdf839d23e2880133ea225ba3f',NULL);
INSERT INTO plan_items VALUES(2,1,'2',NULL,1,2,0,'pending',2,NULL,NULL,NULL,'f71fd970d3b1e569a96ce9ebb6a1361bc5f601aa2a305b53d73bce809b9c0536','h2',X'5ed3423fc030f93d0b42e33e5dd7aa3e',X'fc3dbf3f021552be694aa03e05a65abf',NULL);
INSERT INTO plan_items VALUES(3,1,'2.1','2',2,1,1,'decoded',1,0,NULL,NULL,'2db60e732432e6c65635eaf3cc0a3e69e6bddd56874864579f4c6b0865afc3bd','h3',X'2f6423c08c53273fb14b5d3f87fe3dbf',X'a9431140a828babf486d3b3d20ad3fbe',NULL);
CREATE TABLE prompt_concepts (
	id INTEGER NOT NULL, 
	document_id TEXT NOT NULL, 
	role TEXT NOT NULL, 
	ordinal INTEGER NOT NULL, 
	text TEXT NOT NULL, 
	vector BLOB NOT NULL, 
	CONSTRAINT pk_prompt_concepts PRIMARY KEY (id), 
	CONSTRAINT fk_prompt_concepts_document_id FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE, 
	CONSTRAINT uq_prompt_concepts_document_id_role_ordinal UNIQUE (document_id, role, ordinal)
);
INSERT INTO prompt_concepts VALUES(1,'2q50t02p326r','prompt',0,'Hello',X'78cce13f68e1cc3e938e7a3fcb6a0f40');
CREATE TABLE renderings (
	id INTEGER NOT NULL, 
	concept_id INTEGER, 
	plan_item_id INTEGER, 
	lang TEXT NOT NULL, 
	score DOUBLE, 
	decoder TEXT, 
	text TEXT NOT NULL, block TEXT, 
	CONSTRAINT pk_renderings PRIMARY KEY (id), 
	CONSTRAINT ck_renderings_one_owner CHECK ((concept_id IS NULL) <> (plan_item_id IS NULL)), 
	CONSTRAINT fk_renderings_concept_id FOREIGN KEY(concept_id) REFERENCES concepts (id) ON DELETE CASCADE, 
	CONSTRAINT fk_renderings_plan_item_id FOREIGN KEY(plan_item_id) REFERENCES plan_items (id) ON DELETE CASCADE, 
	CONSTRAINT uq_renderings_concept_id_lang UNIQUE (concept_id, lang), 
	CONSTRAINT uq_renderings_plan_item_id_lang UNIQUE (plan_item_id, lang)
);
INSERT INTO renderings VALUES(1,1,NULL,'eng_Latn',0.5,NULL,'c1',NULL);
INSERT INTO renderings VALUES(2,2,NULL,'eng_Latn',0.5,NULL,'c2',NULL);
INSERT INTO renderings VALUES(3,3,NULL,'eng_Latn',0.5,NULL,'c3',NULL);
INSERT INTO renderings VALUES(4,4,NULL,'eng_Latn',0.5,NULL,'c4',NULL);
INSERT INTO renderings VALUES(5,NULL,1,'eng_Latn',NULL,NULL,'h1',NULL);
INSERT INTO renderings VALUES(6,NULL,2,'eng_Latn',NULL,NULL,'h2',NULL);
INSERT INTO renderings VALUES(7,NULL,3,'eng_Latn',NULL,NULL,'h3',NULL);
CREATE TABLE sources (
	document_id TEXT NOT NULL, 
	content JSON NOT NULL, 
	CONSTRAINT pk_sources PRIMARY KEY (document_id), 
	CONSTRAINT fk_sources_document_id FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE
);
CREATE TABLE titles (
	document_id TEXT NOT NULL, 
	lang TEXT NOT NULL, 
	text TEXT NOT NULL, 
	CONSTRAINT pk_titles PRIMARY KEY (document_id, lang), 
	CONSTRAINT fk_titles_document_id FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE
);
CREATE TABLE units (
	id INTEGER NOT NULL, 
	document_id TEXT NOT NULL, 
	outline_id INTEGER NOT NULL, 
	stage TEXT NOT NULL, 
	lang TEXT NOT NULL, 
	ordinal INTEGER NOT NULL, 
	status TEXT NOT NULL, 
	payload JSON NOT NULL, taken_by TEXT, taken_epoch BIGINT, taken_until DOUBLE, 
	CONSTRAINT pk_units PRIMARY KEY (id), 
	CONSTRAINT fk_units_document_id FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE, 
	CONSTRAINT fk_units_outline_id FOREIGN KEY(outline_id) REFERENCES outlines (id) ON DELETE CASCADE, 
	CONSTRAINT uq_units_outline_id_stage_lang_ordinal UNIQUE (outline_id, stage, lang, ordinal)
);
INSERT INTO units VALUES(1,'2q50t02p326r',1,'plan','',0,'done','{"items": [1], "concepts": [], "extra": {}}',NULL,NULL,NULL);
INSERT INTO units VALUES(2,'2q50t02p326r',1,'write','',0,'done','{"items": [1, 3], "concepts": [], "extra": {}}',NULL,NULL,NULL);
INSERT INTO units VALUES(3,'2q50t02p326r',1,'decode','eng_Latn',0,'done','{"items": [1, 2, 3], "concepts": [1, 2, 3, 4], "extra": {}}',NULL,NULL,NULL);
PRAGMA writable_schema=ON;
INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql)VALUES('table','rendering_words','rendering_words',0,'CREATE VIRTUAL TABLE rendering_words USING fts5(text, content=''renderings'', content_rowid=''id'', tokenize=''porter unicode61 remove_diacritics 2'')');
CREATE TABLE IF NOT EXISTS 'rendering_words_data'(id INTEGER PRIMARY KEY, block BLOB);
INSERT INTO rendering_words_data VALUES(1,X'0707');
INSERT INTO rendering_words_data VALUES(10,X'000000000101010001010101');
INSERT INTO rendering_words_data VALUES(137438953473,X'00000030033063310102020201320202020201330302020201340402020102683105020202013206020202013307020204070606060706');
CREATE TABLE IF NOT EXISTS 'rendering_words_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
INSERT INTO rendering_words_idx VALUES(1,X'',2);
CREATE TABLE IF NOT EXISTS 'rendering_words_docsize'(id INTEGER PRIMARY KEY, sz BLOB);
INSERT INTO rendering_words_docsize VALUES(1,X'01');
INSERT INTO rendering_words_docsize VALUES(2,X'01');
INSERT INTO rendering_words_docsize VALUES(3,X'01');
INSERT INTO rendering_words_docsize VALUES(4,X'01');
INSERT INTO rendering_words_docsize VALUES(5,X'01');
INSERT INTO rendering_words_docsize VALUES(6,X'01');
INSERT INTO rendering_words_docsize VALUES(7,X'01');
CREATE TABLE IF NOT EXISTS 'rendering_words_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO rendering_words_config VALUES('version',4);
CREATE INDEX ix_documents_created_at ON documents (created_at);
CREATE INDEX ix_documents_status_priority_created_at ON documents (status, priority, created_at);
CREATE INDEX ix_units_document_id ON units (document_id);
CREATE INDEX ix_attempts_document_id ON attempts (document_id);
CREATE INDEX ix_attempts_unit_id ON attempts (unit_id);
CREATE INDEX ix_plan_items_outline_id_is_leaf_status ON plan_items (outline_id, is_leaf, status);
CREATE INDEX ix_attempts_finished_at ON attempts (finished_at);
CREATE INDEX ix_documents_owner ON documents (owner);
CREATE TRIGGER rendering_words_insert AFTER INSERT ON renderings BEGIN INSERT INTO rendering_words (rowid, text) VALUES (new.id, new.text); END;
CREATE TRIGGER rendering_words_delete AFTER DELETE ON renderings BEGIN INSERT INTO rendering_words (rendering_words, rowid, text) VALUES ('delete', old.id, old.text); END;
CREATE TRIGGER rendering_words_update AFTER UPDATE OF id, text ON renderings BEGIN INSERT INTO rendering_words (rendering_words, rowid, text) VALUES ('delete', old.id, old.text); INSERT INTO rendering_words (rowid, text) VALUES (new.id, new.text); END;
PRAGMA writable_schema=OFF;
COMMIT;
