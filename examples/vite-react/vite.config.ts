import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** The API lets this address in. */
const address = { port: 5173, strictPort: true };

export default defineConfig({ plugins: [react()], server: address, preview: address });
