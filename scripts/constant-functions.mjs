// Turns the functions of a bundle into constants: `function f() {}` becomes `const f = function f() {};`.
//
// A function declaration is a variable: V8 loads it and compares it with the function that it inlined, at each of the
// hundred calls on the way of a query. A constant is folded (docs/decisions/0010-data-plane-in-one-file.md). Lines stay
// where they are, so that a source map still holds.
import { parseAst } from "rolldown/parseAst";

/** Names that a syntax tree mentions, whatever they stand for. */
function mentioned(tree) {
  const names = new Set();
  const visit = (node) => {
    if (Array.isArray(node)) node.forEach(visit);
    else if (node !== null && typeof node === "object") {
      if (node.type === "Identifier") names.add(node.name);
      Object.values(node).forEach(visit);
    }
  };
  visit(tree);
  return names;
}

/** Functions that code at the top level may call before it has come to their place, and must stay hoisted. */
function calledEarly(functions, others) {
  const early = new Set();
  const mentions = new Map([...functions].map(([name, node]) => [name, mentioned(node)]));
  for (const statement of others) {
    const reached = new Set();
    const waiting = [...mentioned(statement)];
    while (waiting.length > 0) {
      const name = waiting.pop();
      const node = functions.get(name);
      if (node === undefined || reached.has(name)) continue;
      reached.add(name);
      if (node.start > statement.start) early.add(name);
      waiting.push(...mentions.get(name));
    }
  }
  return early;
}

/** The same program, with constants for all functions of its top level but those that must stay hoisted. */
export function withConstantFunctions(code) {
  const functions = new Map();
  const others = [];
  for (const node of parseAst(code).body) {
    if (node.type === "FunctionDeclaration") functions.set(node.id.name, node);
    else if (!node.type.startsWith("Export")) others.push(node);
  }
  const early = calledEarly(functions, others);
  const parts = [];
  let at = 0;
  for (const [name, { start, end }] of functions) {
    if (early.has(name)) continue;
    parts.push(code.slice(at, start), `const ${name} = `, code.slice(start, end), ";");
    at = end;
  }
  return parts.join("") + code.slice(at);
}
