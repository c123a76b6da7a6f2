import { runOrigin } from "./origin.ts";

await runOrigin(process);
