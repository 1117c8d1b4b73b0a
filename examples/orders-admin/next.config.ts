import type { NextConfig } from "next";

const config: NextConfig = {
  // The project is this folder, although the folders above have lockfiles, too.
  turbopack: { root: import.meta.dirname },
};

export default config;
