// Random changes of a journaled database; after each it is opened anew, as if the process had been killed there.
// Arguments: a file beside which lokijs is found, a folder to work in. Prints what it has seen.
"use strict";
const assert = require("node:assert");
const fs = require("node:fs");
const { createRequire } = require("node:module");
const path = require("node:path");
const { journaled } = require("../../../emulators/storage/azurite_journal.cjs");

const [beside, folder] = process.argv.slice(2);
const Loki = createRequire(fs.realpathSync(beside))("lokijs");
const file = path.join(folder, "db.json");
const LEAST_LINES = 20;

// As Azurite opens its databases.
function open() {
  const database = journaled(Loki, file, { persistenceMethod: "fs", autosave: false }, LEAST_LINES);
  if (fs.existsSync(file)) database.loadDatabase({}, (error) => assert.ifError(error));
  for (const name of ["containers", "blobs"]) {
    if (database.getCollection(name) === null) database.addCollection(name, { indices: ["account", "name"] });
  }
  return database;
}

const content = (database) => database.collections.map(({ name, data, maxId }) => [name, maxId, JSON.stringify(data)]);
const save = (database) => database.saveDatabase((error) => assert.ifError(error));

let seed = 7;
const random = (below) => (seed = (seed * 48271) % 2147483647) % below;

let database = open();
save(database);
const seen = { reopened: 0, rewritten: 0, torn: 0 };
for (let step = 0; step < 400; step += 1) {
  const blobs = database.getCollection("blobs");
  const name = `blob-${random(30)}`;
  const found = blobs.findOne({ account: "a", name });
  if (!found) blobs.insert({ account: "a", name, modified: new Date(step), size: step });
  else if (random(3) === 0) blobs.remove(found);
  else if (random(5) === 0) blobs.findAndRemove({ name: { $in: [name, "blob-1", "blob-2"] } });
  else blobs.update(Object.assign(found, { size: step }));
  if (random(40) === 0) database.getCollection("containers").insert({ account: "a", name: `container-${step}` });
  const lines = fs.existsSync(`${file}.log`);
  save(database);
  seen.rewritten += lines && !fs.existsSync(`${file}.log`);
  if (random(10) === 0 && fs.existsSync(`${file}.log`)) {
    fs.appendFileSync(`${file}.log`, '\n{"collection": "blobs", "id"');
    seen.torn += 1;
  }
  if (step % 3 === 0) {
    const again = open();
    assert.deepStrictEqual(content(again), content(database));
    for (const blob of again.getCollection("blobs").data) {
      assert.strictEqual(again.getCollection("blobs").findOne({ name: blob.name }).$loki, blob.$loki);
      assert.strictEqual(again.getCollection("blobs").get(blob.$loki), blob);
    }
    if (random(20) === 0) {
      save(again);
      database = again;
    }
    seen.reopened += 1;
  }
}

// A log whose changes FILE contains already, as after a death between the two.
const log = fs.existsSync(`${file}.log`) ? fs.readFileSync(`${file}.log`) : "";
const last = content(database);
database.close();
assert(!fs.existsSync(`${file}.log`));
fs.writeFileSync(`${file}.log`, log);
assert.deepStrictEqual(content(open()), last);
// Closed, it is a file that LokiJS reads by itself.
const plain = new Loki(file, { persistenceMethod: "fs" });
plain.loadDatabase({}, (error) => {
  assert.ifError(error);
  assert.deepStrictEqual(content(plain), last);
  console.log(JSON.stringify(seen));
});
