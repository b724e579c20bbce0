// Starts @vercel/cosmosdb-server over plain http: server.cjs PORT. Says "ready" when it listens.
// Its version 1.0.1 answers 500 where a document is absent and Cosmos DB answers 404: that is put right here.
const path = require("node:path");

const library = path.join(__dirname, "node_modules", "@vercel", "cosmosdb-server", "lib");
const handler = require(path.join(library, "handler", "read-document.js"));
const { parsePartitionKey } = require(path.join(library, "utils", "get-partition-from-header.js"));

const read = handler.default;
handler.default = (account, request, response, route) => {
  const collection = account.database(route.dbId).collection(route.collId);
  const key = request.headers["x-ms-documentdb-partitionkey"];
  if (collection.read() && key) {
    const document = collection.document(route.docId, parsePartitionKey(key, route.docId));
    if (!document.read()) {
      response.statusCode = 404;
      return { code: "NotFound", message: "Entity with the specified id does not exist in the system." };
    }
  }
  return read(account, request, response, route);
};

const { createHttpServer } = require(path.join(library, "index.js"));
createHttpServer().listen(Number(process.argv[2]), "127.0.0.1", () => console.log("ready"));
