CREATE TABLE predictions (
    request_id VARCHAR NOT NULL, "row" INTEGER NOT NULL, at DATETIME NOT NULL,
    version INTEGER NOT NULL, inputs JSON NOT NULL, answer VARCHAR NOT NULL, guess JSON NOT NULL,
    PRIMARY KEY (request_id, "row")
);
CREATE INDEX ix_predictions_at ON predictions (at);
CREATE TABLE outcomes (
    request_id VARCHAR NOT NULL, "row" INTEGER NOT NULL, at DATETIME NOT NULL,
    value VARCHAR NOT NULL,
    PRIMARY KEY (request_id, "row")
);
CREATE TABLE decisions (
    id INTEGER NOT NULL, at DATETIME NOT NULL, kind VARCHAR NOT NULL, verdict VARCHAR NOT NULL,
    version INTEGER, former INTEGER, reason VARCHAR NOT NULL, details JSON NOT NULL,
    PRIMARY KEY (id)
);
CREATE TABLE looks (
    id INTEGER NOT NULL, at DATETIME NOT NULL, test_sha256 VARCHAR NOT NULL, why VARCHAR NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX ix_looks_test_sha256 ON looks (test_sha256);
INSERT INTO predictions VALUES
    ('a', 0, '2025-05-01 12:00:00.000000', 1, '{"x":1.5}', 'yes', '{"yes":0.75}');
INSERT INTO outcomes VALUES ('a', 0, '2025-05-02 12:00:00.000000', 'no');
INSERT INTO decisions (at, kind, verdict, version, reason, details) VALUES
    ('2025-05-01 11:00:00.000000', 'promotion', 'promote', 1, 'the first champion', '{}');
INSERT INTO looks (at, test_sha256, why) VALUES
    ('2025-05-01 10:00:00.000000', 'x', 'training of version 1'),
    ('2025-05-01 11:00:00.000000', 'x', 'gate for version 1')
