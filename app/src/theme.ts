/**
 * Puts the theme on the page. The engine keeps the choice; a copy in localStorage bridges the moment until the engine has read its own,
 * so that a dark app never flashes white.
 */
import type { Theme } from './state/view.ts';

const key = 'causeway.theme';
const colours = { light: '#ffffff', dark: '#141b1f' };

export function showTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
  for (const meta of document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')) {
    const system = meta.media.includes('dark') ? 'dark' : 'light';
    meta.content = colours[theme === 'system' ? system : theme];
  }
  try {
    localStorage.setItem(key, theme);
  } catch {
    // Storage may be forbidden: then the theme appears a moment later, nothing else is lost.
  }
}

export function showRememberedTheme(): void {
  try {
    const theme = localStorage.getItem(key);
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset['theme'] = theme;
  } catch {
    // As above.
  }
}
