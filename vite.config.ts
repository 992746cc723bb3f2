/** Builds the app (`app/`) into `dist/client`. Nothing in the output needs inline scripts or styles: the Content-Security-Policy forbids both. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';
import { VitePWA } from 'vite-plugin-pwa';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const { version } = JSON.parse(readFileSync(here('package.json'), 'utf8')) as { version: string };
/**
 * `virtual:emoji-list`: every emoji with its English name and words for it, a line each, in the order in which they are shown. A seventh of what
 * emojibase has: without skin tones, codes and shortcodes.
 */
function emojiList(): Plugin {
  const id = '\0virtual:emoji-list';
  const valid = new RegExp('^\\p{RGI_Emoji}$', 'v');
  const notShown = 2; // skin tones and hair by themselves
  interface Known {
    group?: number;
    order?: number;
    unicode: string;
    label: string;
    tags?: string[];
  }
  return {
    name: 'emoji-list',
    resolveId: (source) => (source === 'virtual:emoji-list' ? id : undefined),
    load(asked) {
      if (asked !== id) return undefined;
      const all = JSON.parse(readFileSync(here('node_modules/emojibase-data/en/compact.json'), 'utf8')) as Known[];
      const lines = all
        .filter(({ group }) => group !== undefined && group !== notShown)
        .sort((a, b) => (a.order ?? 0) - (b.order ?? 0))
        .map(({ group, unicode, label, tags = [] }) => {
          // Emojibase puts a selector behind every one; most are defined without it.
          const emoji = valid.test(unicode) ? unicode : unicode.replace('\ufe0f', '');
          return [group, emoji, label, tags.filter((tag) => !label.includes(tag)).join(' ')].join('\t');
        });
      return `export default ${JSON.stringify(lines.join('\n'))}`;
    },
  };
}

const server = process.env['CAUSEWAY_DEV_SERVER'] ?? 'http://127.0.0.1:8081';

export default defineConfig({
  root: here('app'),
  publicDir: '../public',
  define: { __APP_VERSION__: JSON.stringify(version) },
  resolve: {
    // The package's main file expects Node's globals; the prebuilt bundle carries what it needs.
    alias: [{ find: /^simple-peer$/, replacement: 'simple-peer/simplepeer.min.js' }],
  },
  plugins: [
    emojiList(),
    svelte({ configFile: '../svelte.config.js' }),
    VitePWA({
      strategies: 'injectManifest',
      srcDir: 'src',
      filename: 'service-worker.ts',
      // The app registers it itself: under Trusted Types the address must come from a policy.
      injectRegister: null,
      injectManifest: { globPatterns: ['**/*.{js,css,html,svg}'] },
      integration: {
        // Served as /sw.js: a short address that never changes, whatever the source is called.
        beforeBuildServiceWorker(options) {
          options.swDest = resolve(dirname(options.swDest), 'sw.js');
          options.injectManifest.swDest = options.swDest;
        },
      },
      manifest: {
        id: '/',
        name: 'Causeway',
        short_name: 'Causeway',
        description: 'Chat and hand each other files of any size by username, straight from device to device.',
        start_url: '/',
        scope: '/',
        display: 'standalone',
        background_color: '#f3f6f7',
        theme_color: '#0b6680',
        categories: ['social', 'utilities'],
        icons: [
          { src: '/icon-192.png', sizes: '192x192', type: 'image/png', purpose: 'any' },
          { src: '/icon-512.png', sizes: '512x512', type: 'image/png', purpose: 'any' },
          { src: '/icon-maskable-512.png', sizes: '512x512', type: 'image/png', purpose: 'maskable' },
        ],
      },
    }),
  ],
  worker: { format: 'es' },
  build: {
    outDir: '../dist/client',
    emptyOutDir: true,
    // Every browser that can run the app preloads modules itself.
    modulePreload: { polyfill: false },
    // A data: URL for a small asset would need its own permission in the policy.
    assetsInlineLimit: 0,
    // @hpke/common imports it where there is no WebCrypto, which no browser that runs the app lacks.
    rolldownOptions: { external: ['crypto'] },
  },
  server: {
    proxy: {
      '/api': { target: server },
      '/socket.io': { target: server, ws: true },
    },
  },
});
