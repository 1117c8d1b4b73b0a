import { defineConfig } from "vite";

// The server renders the page: Vite bundles its script, and copies public/ beside it.
export default defineConfig({
  build: { rolldownOptions: { input: "src/browser.ts", output: { entryFileNames: "browser.js" } } },
});
