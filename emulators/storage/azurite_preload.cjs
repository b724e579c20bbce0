// Preloaded into the Azurite that this package starts. It mends two things of it:
// Azurite keeps its metadata in memory and writes it every 5 s: killed, it forgets blobs that it had confirmed.
// And it outlives whoever started it.
"use strict";
const http = require("node:http");
const Module = require("node:module");

const databases = [];

const load = Module._load;
Module._load = function (name, ...rest) {
  const loaded = load.call(this, name, ...rest);
  return name !== "lokijs" ? loaded : new Proxy(loaded, {
    construct(target, args, type) {
      const database = Reflect.construct(target, args, type);
      databases.push(database);
      return database;
    },
  });
};

// LokiJS itself joins the saves asked for while one is being written, into one that follows it.
const saved = (database) => new Promise((resolve, reject) => {
  if (!database.autosaveDirty() && !database.throttledSavePending) return resolve();
  database.saveDatabase((error) => (error ? reject(error) : resolve()));
});

// A block that is staged only may be forgotten: committing it fails then, and the client knows.
const changes = ({ method, url }) =>
  method !== "GET" && method !== "HEAD" && !/[?&]comp=block(&|$)/.test(url);

const end = http.ServerResponse.prototype.end;
http.ServerResponse.prototype.end = function (...args) {
  if (this.statusCode >= 300 || !changes(this.req)) return end.apply(this, args);
  Promise.all(databases.map(saved)).then(() => end.apply(this, args), (error) => this.destroy(error));
  return this;
};

process.stdin.on("error", () => {}).on("close", () => process.kill(process.pid, "SIGTERM")).resume();
process.stdin.unref(); // or Azurite, once closed, would wait for it for ever
