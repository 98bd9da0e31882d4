// Shards the warm tier by market, symbol first: run by mongosh through a mongos, after the service
// has made its collections and indexes there (`marketdata keys list` does), and again after every
// upgrade. What is sharded already stays as it is.
//   ROOT_PASSWORD, SERVICE_DATABASE  as in members.js
// A test holds both lists against the code that writes these collections. Each collection is balanced
// for itself, so one save of one market may be a transaction over two shards; zones with the same
// ranges for all of them keep a market together.
const KEY = { symbol: 1, venue: 1 };
const SHARDED = [
  "markets",
  "aggregates",
  "coverage",
  "instruments",
  "reconciliations",
  "flow_subjects",
  "flow_minutes",
  "signals",
];
const UNSHARDED = {
  api_keys: "they are few, belong to no market, and every process reads them",
  schema: "it is one document: the version of all this",
};

const database = process.env.SERVICE_DATABASE;
db.getSiblingDB("admin").auth("root", process.env.ROOT_PASSWORD);
const there = db.getSiblingDB(database).getCollectionNames();
const strange = there.filter((name) => !SHARDED.includes(name) && !(name in UNSHARDED));
const absent = SHARDED.filter((name) => !there.includes(name));
if (strange.length || absent.length) {
  print(`not made for this version: strange [${strange}], absent [${absent}]`);
  quit(1);
}
sh.enableSharding(database);
SHARDED.forEach((name) => sh.shardCollection(`${database}.${name}`, KEY));
print(`sharded: ${SHARDED.join(", ")}`);
