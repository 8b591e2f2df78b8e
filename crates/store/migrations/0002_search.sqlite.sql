-- Which incident has which words, by the incident's number. Nothing else is kept here: the texts are in the incident.
-- The words hold letters and digits alone, so that cutting them at every other sign of ASCII changes nothing. Whoever
-- writes incidents writes here too, but for those that are removed.
CREATE VIRTUAL TABLE incident_word USING fts5 (words, content = '', columnsize = 0, detail = none, tokenize = 'ascii');
CREATE TRIGGER incident_word_removed AFTER DELETE ON incident BEGIN
    INSERT INTO incident_word (incident_word, rowid, words) VALUES ('delete', old.number, old.words);
END;
INSERT INTO incident_word (rowid, words) SELECT number, words FROM incident;
