// Reads an AsyncAPI document on stdin and prints what the official parser has to say about it, as
// JSON: {"parsed": whether it made a document of it, "diagnostics": […]}. Nothing is fetched.
import { readFileSync } from "node:fs";
import parser from "@asyncapi/parser";

const { document, diagnostics } = await new parser.Parser().parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify({ parsed: document !== undefined, diagnostics }) + "\n");
