import { readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

const folder = "../src/onball/viewer/static";

/** Write the licences of all bundled packages beside the bundle. */
function licences(): Plugin {
  return {
    name: "licences",
    generateBundle(_, bundle) {
      const packages = new Set<string>();
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== "chunk") continue;
        for (const id of Object.keys(chunk.modules)) {
          const found = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id);
          if (found?.[1]) packages.add(found[1]);
        }
      }
      const texts = [...packages, "uplot"].filter((n, i, all) => all.indexOf(n) === i).sort();
      const source = texts
        .map((name) => {
          const info = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"));
          let text = `Licence: ${info.license}`;
          for (const file of ["LICENSE", "LICENSE.md", "LICENCE"]) {
            try {
              text = readFileSync(`node_modules/${name}/${file}`, "utf8");
              break;
            } catch {
              // the next name
            }
          }
          return `${name} ${info.version}\n\n${text.trim()}\n`;
        })
        .join(`\n${"-".repeat(80)}\n\n`);
      this.emitFile({ type: "asset", fileName: "licences.txt", source });
    },
  };
}

// Names without digests: what is built from the same sources is the same, file by file.
export default defineConfig({
  base: "/static/",
  plugins: [licences()],
  esbuild: { jsx: "automatic", jsxImportSource: "preact", legalComments: "none" },
  build: {
    outDir: folder,
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    assetsInlineLimit: 0,
    rollupOptions: {
      output: {
        entryFileNames: "viewer.js",
        chunkFileNames: "[name].js",
        assetFileNames: "viewer[extname]",
      },
    },
  },
});
