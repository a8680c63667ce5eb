// Turns the public conformance tests of cel-spec, as the npm package @bufbuild/cel-spec carries them, into one JSON file:
//   {file: [{section, name, expr, value | evalError | typedResult, bindings, typeEnv, container, disableCheck}]}
// Usage: node convert_conformance.mjs OUT.json   (in a folder where the package is installed)
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(process.cwd() + "/"));
const { tests } = await import(pathToFileURL(require.resolve("@bufbuild/cel-spec/testdata/conformance.js")));

const out = {};
function walk(suite, path) {
  for (const test of suite.tests ?? []) {
    (out[path[0]] ??= []).push({ section: path.slice(1).join("/"), ...test.original });
  }
  for (const child of suite.suites ?? []) walk(child, [...path, child.name]);
}
for (const suite of tests.suites) walk(suite, [suite.name]);
writeFileSync(process.argv[2], JSON.stringify(out));
