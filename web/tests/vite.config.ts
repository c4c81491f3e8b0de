// Compiles the stories to JavaScript for Node's test runner. Packages are not bundled.

import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

export default defineConfig({
  publicDir: false,
  build: {
    ssr: fileURLToPath(new URL('main.ts', import.meta.url)),
    outDir: fileURLToPath(new URL('built', import.meta.url)),
    emptyOutDir: true,
    target: 'node20',
    sourcemap: true,
    rollupOptions: { output: { entryFileNames: 'main.js' } },
  },
});
