// Writes docs/reference.md from the schema and from docs/examples. Run it after `npm run build`; a test says when the page
// is out of date.
import { readFileSync, writeFileSync } from "node:fs";
import { referencePage } from "../dist/config/reference.js";

const docs = new URL("../docs/", import.meta.url);
const exampleOf = (section) => readFileSync(new URL(`examples/${section}.yaml`, docs), "utf8");
writeFileSync(new URL("reference.md", docs), referencePage(exampleOf));
