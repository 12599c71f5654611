// Makes built/ of src/, page.css and the libraries: the same bytes for the same lock file.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { buildSync } from "esbuild";

const made = buildSync({
  entryPoints: ["src/main.ts"],
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "ascii",
  legalComments: "none",
  metafile: true,
  write: false,
});
const style = buildSync({
  entryPoints: ["page.css"],
  minify: true,
  target: "chrome123",
  charset: "ascii",
  write: false,
});

/** What package.json of the library says. */
const said = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"));

// A library may bring others along within its own file.
const names = new Set();
const take = (name) => {
  if (names.has(name)) return;
  names.add(name);
  for (const needed of Object.keys(said(name).dependencies ?? {})) take(needed);
};
for (const path of Object.keys(made.metafile.inputs)) {
  const name = path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//)?.[1];
  if (name) take(name);
}
const licences = [...names].sort().map((name) => {
  const { version, license } = said(name);
  return `${name} ${version} (${license})\n\n${readFileSync(`node_modules/${name}/LICENSE`, "utf8").trim()}\n`;
});
const notice = `/*\nThis script holds these libraries:\n\n${licences.join("\n")}*/\n`;

mkdirSync("built", { recursive: true });
writeFileSync("built/page.js", notice + made.outputFiles[0].text);
writeFileSync("built/page.css", style.outputFiles[0].text);
