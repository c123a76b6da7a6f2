// Writes docs/reference.md from the schema. Run it after `npm run build`; a test says when the page is out of date.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { referencePage } from "../dist/config/reference.js";

writeFileSync(fileURLToPath(new URL("../docs/reference.md", import.meta.url)), referencePage());
