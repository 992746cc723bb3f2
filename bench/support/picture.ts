/** Small multiples as SVG: one panel a condition, its curves over time, the level that could be reached. For light and dark pages alike. */
import type { Panel } from './question.ts';

const PANEL = { width: 400, height: 210, left: 44, right: 12, top: 44, bottom: 34 };
const COLUMNS = 2;
/** Told apart by people who see colours differently too (Okabe and Ito), and readable on light and dark. */
const COLOURS: { [label: string]: string } = { Causeway: '#0f8a6c' };
const OTHERS = ['#d55e00', '#3d8fd1', '#b5689c', '#a68b00', '#7f7f7f'];
const TEXT = 12;

type NamedPanel = Panel & { question: string };

export function picture(panels: readonly NamedPanel[]): string {
  const labels = [...new Set(panels.flatMap(({ curves }) => curves.map(({ label }) => label)))];
  const others = labels.filter((label) => !(label in COLOURS));
  const colour = (label: string): string =>
    COLOURS[label] ?? OTHERS[others.indexOf(label) % OTHERS.length] ?? '#7f7f7f';
  const width = PANEL.width * Math.min(COLUMNS, panels.length) + 16;
  const legendRows = Math.ceil(labels.length / 4);
  const head = 20 + legendRows * 22;
  const height = head + Math.ceil(panels.length / COLUMNS) * PANEL.height + 8;
  const legend = labels.map((label, i) => {
    const x = 16 + (i % 4) * ((width - 24) / 4);
    const y = 22 + Math.floor(i / 4) * 22;
    return `<path d="M${x} ${y - 4}h18" stroke="${colour(label)}" stroke-width="3" stroke-linecap="round"/><text x="${x + 25}" y="${y}">${escape(label)}</text>`;
  });
  const drawn = panels.map((panel, i) => {
    const x = 8 + (i % COLUMNS) * PANEL.width;
    const y = head + Math.floor(i / COLUMNS) * PANEL.height;
    return `<g transform="translate(${x} ${y})">${draw(panel, colour)}</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="${TEXT}" role="img" aria-label="${escape(panels.map(({ title }) => title).join('; '))}">
<style>
  .page { fill: #fcfcfb } text { fill: #23302c } .soft { fill: #5d6b66 } .grid { stroke: #dfe5e2 } .level { stroke: #5d6b66 } .band { fill: #23302c14 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #141917 } text { fill: #e6ece9 } .soft { fill: #9aa8a3 } .grid { stroke: #2b3431 } .level { stroke: #9aa8a3 } .band { fill: #e6ece91c }
  }
  .curve { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round }
</style>
<rect class="page" width="${width}" height="${height}" rx="10"/>
${legend.join('\n')}
${drawn.join('\n')}
</svg>
`;
}

function draw(
  { title, unit, curves, level, bands = [], question }: NamedPanel,
  colour: (label: string) => string,
): string {
  const { width, height, left, right, top, bottom } = PANEL;
  const points = curves.flatMap((curve) => curve.points);
  const longest = Math.max(1, ...points.map(([x]) => x));
  const highest = niceTop(Math.max(level?.value ?? 0, ...points.map(([, y]) => y)));
  const x = (value: number): string => (left + (value / longest) * (width - left - right)).toFixed(1);
  const y = (value: number): string => (height - bottom - (value / highest) * (height - top - bottom)).toFixed(1);
  const parts = [
    `<text x="${left}" y="18" font-weight="600">${escape(title)}</text>`,
    `<text x="${left}" y="34" class="soft">${escape(question)}, ${escape(unit)}</text>`,
  ];
  for (const { from, to, label } of bands) {
    const start = Number(x(Math.max(0, from)));
    const end = Number(x(Math.min(longest, to)));
    parts.push(
      `<rect class="band" x="${start}" y="${top}" width="${(end - start).toFixed(1)}" height="${height - top - bottom}"/>`,
    );
    parts.push(`<text class="soft" x="${start + 5}" y="${top + 13}">${escape(label)}</text>`);
  }
  for (let step = 0; step <= 4; step++) {
    const value = (highest * step) / 4;
    parts.push(`<path class="grid" d="M${left} ${y(value)}H${width - right}"/>`);
    parts.push(
      `<text class="soft" x="${left - 7}" y="${Number(y(value)) + 4}" text-anchor="end">${Number(value.toPrecision(3))}</text>`,
    );
  }
  for (let step = 0; step <= 4; step++)
    parts.push(
      `<text class="soft" x="${x((longest * step) / 4)}" y="${height - 14}" text-anchor="${step === 4 ? 'end' : 'middle'}">${Math.round((longest * step) / 4)} s</text>`,
    );
  if (level)
    parts.push(
      `<path class="level" stroke-dasharray="2 4" d="M${left} ${y(level.value)}H${width - right}"><title>${escape(level.label)}</title></path>`,
    );
  // The first curve is what is asked about: it lies on top.
  for (const curve of [...curves].reverse()) {
    const line = curve.points.map(([a, b]) => `${x(a)},${y(Math.max(0, b))}`).join(' ');
    parts.push(
      `<polyline class="curve" stroke="${colour(curve.label)}" points="${line}"><title>${escape(curve.label)}</title></polyline>`,
    );
  }
  return parts.join('');
}

function niceTop(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value || 1));
  return unit * ([1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10].find((step) => step * unit >= value) ?? 10);
}

const escape = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;');
