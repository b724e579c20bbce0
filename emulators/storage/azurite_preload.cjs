// Preloaded into the Azurite that this package starts. It mends two things of it:
// Azurite keeps its metadata in memory and writes it every 5 s: killed, it forgets blobs that it had confirmed.
// And it outlives whoever started it.
"use strict";
const http = require("node:http");
const Module = require("node:module");
const { journaled } = require("./azurite_journal.cjs");

const databases = [];

const load = Module._load;
Module._load = function (name, ...rest) {
  const loaded = load.call(this, name, ...rest);
  return name !== "lokijs" ? loaded : new Proxy(loaded, {
    construct(Loki, [file, options]) {
      const database = journaled(Loki, file, options);
      databases.push(database);
      return database;
    },
  });
};

const end = http.ServerResponse.prototype.end;
http.ServerResponse.prototype.end = function (...args) {
  const reads = this.req.method === "GET" || this.req.method === "HEAD";
  if (this.statusCode < 300 && !reads) {
    for (const database of databases) {
      database.saveDatabase((error) => {
        if (!error) return;
        console.error(`not confirmed, as it could not be saved: ${error}`);
        this.destroy(error);
      });
    }
  }
  return this.destroyed ? this : end.apply(this, args);
};

process.stdin.on("error", () => {}).on("close", () => process.kill(process.pid, "SIGTERM")).resume();
process.stdin.unref(); // or Azurite, once closed, would wait for it for ever
