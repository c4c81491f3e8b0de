// How the page is built.

import { defineConfig } from 'vite';

export default defineConfig({
  build: {
    target: 'es2022',
    // A page under `script-src 'self'` has no use for what is inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
