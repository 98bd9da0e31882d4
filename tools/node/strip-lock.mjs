// Takes out of package-lock.json what is no version, hash or reason: whom to pay and where, and
// why a package is out of favour. What stays is what `npm ci` reads; a test holds it to that.
import { readFileSync, writeFileSync } from "node:fs";

const path = new URL("package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(path, "utf8"));
for (const found of Object.values(lock.packages)) {
  delete found.funding;
  delete found.deprecated;
  delete found.resolved;
}
writeFileSync(path, JSON.stringify(lock, null, 2) + "\n");
