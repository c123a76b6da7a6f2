import { longText, number } from "./fields.ts";
import type { RdataType } from "./reader.ts";

/** RFC 7553 section 4.5: the target is all that is left, without a length octet. */
export const URI: RdataType = [number("priority", 2), number("weight", 2), longText("target", 1)];
