import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** While developing, Vite serves the page and hands everything else on to the server. */
export default defineConfig({
  plugins: [react()],
  server: { proxy: { "/api": "http://localhost:3000" } },
});
