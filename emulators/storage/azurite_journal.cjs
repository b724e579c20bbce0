// A LokiJS database that loses nothing when its process is killed.
//
// LokiJS writes the whole database every few seconds. Here a save appends the documents that changed to FILE.log, at
// once and at a cost that does not grow with the database; from time to time, and on closing, FILE is written whole, as
// LokiJS would, and the log starts anew. Every step is synchronous: nothing changes between what is read and written.
"use strict";
const fs = require("node:fs");

// FILE's content with the changes of the log: each line is a whole document as it then was, or null for a removed one.
// Lines already contained in FILE do no harm: the last one of a document is never older than FILE.
function loaded(file, log) {
  const content = JSON.parse(fs.readFileSync(file, "utf8"));
  const documents = new Map(content.collections.map(({ name, data }) => [name, new Map(data.map((d) => [d.$loki, d]))]));
  const newest = new Map(content.collections.map(({ name, maxId }) => [name, maxId]));
  for (const line of fs.existsSync(log) ? fs.readFileSync(log, "utf8").split("\n") : []) {
    let entry;
    try {
      entry = JSON.parse(line);
    } catch {
      continue; // empty, or torn by a full disk; its change was never confirmed
    }
    const { collection, id, document } = entry;
    if (document) documents.get(collection).set(id, document);
    else documents.get(collection).delete(id);
    newest.set(collection, Math.max(newest.get(collection), id));
  }
  for (const collection of content.collections) {
    collection.data = [...documents.get(collection.name).values()].sort((a, b) => a.$loki - b.$loki);
    collection.maxId = newest.get(collection.name);
  }
  return content;
}

// ``new Loki(file, options)``, made durable: a change is safe as soon as ``saveDatabase`` has returned.
function journaled(Loki, file, options, leastLines = 1000) {
  const log = `${file}.log`;
  let lines = Infinity; // the first save of a process writes FILE: Azurite has just added its collections
  const adapter = {
    mode: "incremental", // LokiJS notes the ids of changed documents for such an adapter only
    loadDatabase(_, done) {
      let content;
      try {
        content = loaded(file, log);
      } catch (error) {
        done(error);
        return;
      }
      done(content);
      // The stored indices are those of FILE without the log.
      for (const collection of database.collections) collection.ensureAllIndexes(true);
    },
  };
  const database = new Loki(file, { ...options, adapter });

  const append = () => {
    const entries = database.collections.flatMap((collection) =>
      [...new Set(collection.dirtyIds)].map((id) =>
        JSON.stringify({ collection: collection.name, id, document: collection.get(id) })));
    if (entries.length) fs.appendFileSync(log, `\n${entries.join("\n")}`);
    lines += entries.length;
    for (const collection of database.collections) {
      collection.dirtyIds = [];
      collection.dirty = false;
    }
  };
  const rewrite = () => {
    fs.writeFileSync(`${file}~`, database.serialize());
    fs.renameSync(`${file}~`, file);
    fs.rmSync(log, { force: true });
    lines = 0;
  };

  database.saveDatabase = (done = () => {}) => {
    try {
      append();
      const documents = database.collections.reduce((sum, { data }) => sum + data.length, 0);
      if (lines > Math.max(leastLines, documents)) rewrite();
    } catch (error) {
      done(error);
      return;
    }
    done();
  };
  const close = database.close;
  database.close = (done) => {
    append();
    rewrite();
    return close.call(database, done);
  };
  return database;
}

module.exports = { journaled };
