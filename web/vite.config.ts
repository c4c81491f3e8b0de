// Builds the page.

import { defineConfig } from 'vite';

export default defineConfig({
  build: {
    target: 'es2022',
    // The page's Content Security Policy blocks inlined assets.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
