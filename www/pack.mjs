/*
 * pack.mjs SOURCE FOLDER - makes the npm package in FOLDER: the sources of
 * www, as they are, beside
 *
 *   pgfeed.min.js, pgfeed-hub.min.js   the same, minified by terser
 *   pgfeed.global.js                   for <script src>: window.pgfeed
 *
 * terser is found from the current folder.
 */
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";

const [source, folder] = process.argv.slice(2);
const { minify } = createRequire(`${process.cwd()}/`)("terser");

/* The minified files know each other. */
const shortened = (text) =>
  text
    .replaceAll("/pgfeed-hub.js", "/pgfeed-hub.min.js")
    .replaceAll("/pgfeed.js", "/pgfeed.min.js");

async function small(text, options) {
  const { code } = await minify(text, {
    ecma: 2022,
    compress: {
      passes: 4,
      hoist_props: true,
      keep_fargs: false,
      pure_getters: true,
      unsafe_arrows: true,
      unsafe_methods: true,
    },
    ...options,
  });
  return code;
}

await mkdir(folder, { recursive: true });
for (const name of [
  "package.json",
  "pgfeed.js",
  "pgfeed-hub.js",
  "pgfeed-elements.js",
  "pgfeed.d.ts",
])
  await cp(path.join(source, name), path.join(folder, name));
for (const name of ["pgfeed", "pgfeed-hub"]) {
  const text = await readFile(path.join(source, `${name}.js`), "utf8");
  const code = await small(shortened(text), { module: true });
  await writeFile(path.join(folder, `${name}.min.js`), code);
}

// Without modules there is no import.meta, and exports become a global.
const text = shortened(await readFile(path.join(source, "pgfeed.js"), "utf8"))
  .replaceAll("import.meta.url", "here")
  .replace(/^export \{.*\};.*$/m, "")
  .replaceAll(/^export class/gm, "class");
const code = await small(
  `((here) => {
    ${text}
    globalThis.pgfeed = { Feed, FeedSocket };
  })(document.currentScript.src);`,
);
await writeFile(path.join(folder, "pgfeed.global.js"), code);
