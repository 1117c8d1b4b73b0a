import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [vue()],
  // While developing, the page comes from Vite, and Vite asks the server. In production there is only the server.
  server: { proxy: { "/api": "http://localhost:3000" } },
});
