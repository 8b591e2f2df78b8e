-- Which incident has which words. They are cut already: no dictionary and no parser has a say.
CREATE INDEX incident_word ON incident USING gin (array_to_tsvector(string_to_array(btrim(words), ' ')));
