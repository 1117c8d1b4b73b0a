import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [vue()],
  // While developing, the page comes from Vite, and Vite asks the server. In production there is only the server.
  server: {
    proxy: {
      "/api": {
        target: "http://localhost:3000",
        // By itself Vite keeps a stream open whose server is gone: for 37 s the page would wait in it for events.
        configure: (proxy) =>
          proxy.on("proxyRes", (fromServer, _request, toPage) =>
            fromServer.once("close", () => fromServer.complete || toPage.destroy()),
          ),
      },
    },
  },
});
