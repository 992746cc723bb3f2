/** The tables of docs/protocol.md say what `protocol/` says: every row is there, right, and none is left over. */
import { readFileSync } from 'node:fs';
import type * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { ApprovalBody } from './approval.ts';
import { EntryHeader, OfferedFile, Payload, WireEntry } from './entry.ts';
import { Envelope, KnockBody, SignalBody } from './envelope.ts';
import { errorCodes, WireError } from './errors.ts';
import { clientEvents, IceServer, serverEvents } from './events.ts';
import { CHUNK_HEADER_BYTES, ControlFrame, decodeFrame, encodeAck, encodeControl } from './frame.ts';
import {
  Challenge,
  DeleteRequest,
  LoginRequest,
  LogoutRequest,
  OwnAccount,
  RegisterRequest,
  ResumeRequest,
} from './http.ts';
import { GroupPayload } from './group.ts';
import { JoinVerdict, Roster, RosterChange, RosterMember } from './group-roster.ts';
import * as ids from './ids.ts';
import { limits, PROTOCOL_VERSION } from './limits.ts';
import { Contact, Device, DeviceListBody, NearbyPerson, PublicAccount, Relation, SignedDeviceList } from './people.ts';

const text = readFileSync(new URL('../docs/protocol.md', import.meta.url), 'utf8');

/** Cells of all rows of the tables under a heading, up to the next heading; a table is known by its first header cell. */
function table(heading: string, first: string): string[][] {
  const [, after] = text.split(new RegExp(`^#+ ${heading}$`, 'm'));
  if (after === undefined) throw new Error(`no heading ${heading}`);
  const [section = ''] = after.split(/^#+ /m);
  const found: string[][] = [];
  let inside = false;
  for (const line of section.split('\n')) {
    if (!line.startsWith('|')) {
      inside = false;
      continue;
    }
    const cells = line
      .slice(1, line.lastIndexOf('|'))
      .split('|')
      .map((cell) => cell.trim());
    if (/^-+$/.test(cells[0] ?? '')) continue;
    if (inside) found.push(cells);
    else inside = cells[0] === first;
  }
  if (found.length === 0) throw new Error(`no table "${first}" under ${heading}`);
  return found;
}

const plain = (cell = ''): string => cell.replaceAll('`', '');
/** As a map from the first column, so that a row that is there twice is noticed. */
function rows(heading: string, first: string, value: (cells: string[]) => unknown): [string, unknown][] {
  return table(heading, first)
    .map((cells): [string, unknown] => [plain(cells[0]), value(cells)])
    .sort(byName);
}
const byName = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : a > b ? 1 : 0);
const list = (cell = ''): string[] =>
  (cell === 'nothing' ? [] : cell.split(',').map((name) => plain(name.trim()))).sort();
const expected = (entries: Iterable<[string, unknown]>): [string, unknown][] => [...entries].sort(byName);

type AnySchema = v.GenericSchema & { entries?: Record<string, v.GenericSchema>; options?: unknown };

/** Field names of an object schema, with `?` behind those that may be absent; none for an empty object and for null. */
function fields(schema: v.GenericSchema): string[] {
  const { entries } = schema as AnySchema;
  if (!entries) {
    if (schema.type === 'null') return [];
    throw new Error(`no fields in ${schema.type}`);
  }
  return Object.entries(entries)
    .map(([name, { type }]) => (type === 'optional' ? `${name}?` : name))
    .sort();
}

/** Kinds of a variant by `kind`, with the other fields of each. */
const kinds = (variant: { options: readonly v.GenericSchema[] }): [string, string[]][] =>
  variant.options.map((option) => {
    const kind = (option as AnySchema).entries?.['kind'] as unknown as { literal: string };
    return [kind.literal, fields(option).filter((name) => name !== 'kind')];
  });

/** Choices of a picklist at `kind.field` of a variant, or of a schema. */
function choices(schema: v.GenericSchema): string[] {
  if (schema.type !== 'picklist') throw new Error(`${schema.type} is no picklist`);
  return [...(schema as unknown as { options: string[] }).options].sort();
}
const picklists = (variant: { options: readonly v.GenericSchema[] }): [string, string[]][] =>
  variant.options.flatMap((option) => {
    const { entries = {} } = option as AnySchema;
    const { literal } = entries['kind'] as unknown as { literal: string };
    return Object.entries(entries).flatMap(([name, field]): [string, string[]][] =>
      field.type === 'picklist' ? [[`${literal}.${name}`, choices(field)]] : [],
    );
  });

const shapes = {
  OwnAccount,
  PublicAccount,
  Contact,
  SignedDeviceList,
  DeviceListBody,
  Device,
  Challenge,
  NearbyPerson,
  IceServer,
  WireError,
  Roster,
  RosterMember,
};
/** The name of a shape, or the fields of one that has no name. */
const shapeOrFields = (schema: v.GenericSchema): string[] => {
  const named = Object.entries(shapes).find(([, shape]) => (shape as unknown) === schema);
  return named ? [named[0]] : fields(schema);
};

describe('docs/protocol.md', () => {
  it('has the ids', () => {
    // An id is base64url text; its schema knows how long that is.
    const documented = table('Ids', 'id').map((cells): [string, number] => [
      plain(cells[0]),
      Math.ceil((Number(cells[1]) * 4) / 3),
    ]);
    const lengths = Object.entries(ids).map(([name, schema]): [string, number] => {
      const { pipe } = schema as unknown as { pipe: { type: string; requirement?: number }[] };
      return [name, pipe.find(({ type }) => type === 'length')?.requirement ?? 0];
    });
    expect(documented.sort(byName)).toEqual(expected(lengths));
  });

  it('has the signature domains', () => {
    const source = readFileSync(new URL('./domains.ts', import.meta.url), 'utf8');
    const domains = [...source.matchAll(/'(causeway\/[^']+)'/g)].map(([, domain]) => domain ?? '');
    expect(domains.length).toBeGreaterThan(0);
    const documented = table('Signature domains', 'domain').map(([name]) => plain(name));
    expect(documented.sort()).toEqual(domains.sort());
  });

  it('has the HTTP calls', () => {
    const requests: Record<string, string[]> = {
      'POST /api/register': fields(RegisterRequest),
      'POST /api/login': fields(LoginRequest),
      'POST /api/challenge': [],
      'POST /api/resume': fields(ResumeRequest),
      'POST /api/logout': fields(LogoutRequest),
      'POST /api/delete': fields(DeleteRequest),
      'GET /api/session': [],
    };
    expect(rows('HTTP calls', 'call', (cells) => list(cells[1]))).toEqual(expected(Object.entries(requests)));
  });

  it('has the events from a client', () => {
    const events = Object.entries(clientEvents).map(([name, { request, response, anyDevice }]): [string, unknown] => [
      name,
      [anyDevice ? 'yes' : 'no', fields(request), shapeOrFields(response)],
    ]);
    const documented = rows('Events from a client', 'event', (cells) => [cells[1], list(cells[2]), list(cells[3])]);
    expect(documented).toEqual(expected(events));
  });

  it('has the events from the server', () => {
    const events = Object.entries(serverEvents).map(([name, event]): [string, unknown] => [name, shapeOrFields(event)]);
    expect(rows('Events from the server', 'event', (cells) => list(cells[1]))).toEqual(expected(events));
  });

  it('has the shapes', () => {
    const known = Object.entries(shapes).map(([name, shape]): [string, string[]] => [name, fields(shape)]);
    expect(rows('Shapes', 'shape', (cells) => list(cells[1]))).toEqual(expected(known));
  });

  it('has the choices of values', () => {
    const verdict = clientEvents['contact:answer'].request.entries.verdict;
    const known = [
      ['Contact.relation', choices(Relation)] as [string, string[]],
      ['contact:answer.verdict', choices(verdict)] as [string, string[]],
      ['RosterMember.role', choices(RosterMember.entries.role)] as [string, string[]],
      ['groups:reply.verdict', choices(JoinVerdict)] as [string, string[]],
      ...[SignalBody, KnockBody, ApprovalBody, Payload, RosterChange, ControlFrame].flatMap((variant) =>
        picklists(variant),
      ),
    ];
    expect(rows('Shapes', 'field', (cells) => list(cells[1]))).toEqual(expected(known));
  });

  it('has the error codes, and names no others', () => {
    const documented = table('Error codes', 'code').map(([code]) => plain(code));
    expect(documented.sort()).toEqual([...errorCodes].sort());
    for (const [heading, first, column] of [
      ['HTTP calls', 'call', 3],
      ['Events from a client', 'event', 4],
    ] as const)
      for (const cells of table(heading, first))
        for (const [, code] of (cells[column] ?? '').matchAll(/`([^`]+)`/g)) expect(errorCodes).toContain(code);
  });

  it('has the envelope and what it carries', () => {
    expect(rows('Sealed envelopes', 'part', (cells) => list(cells[1]))).toEqual([['Envelope', fields(Envelope)]]);
    const bodies = [
      ...kinds(SignalBody).map(([kind, names]): [string, unknown] => [kind, ['signal', names]]),
      ...kinds(KnockBody).map(([kind, names]): [string, unknown] => [kind, ['knock', names]]),
      ...kinds(ApprovalBody).map(([kind, names]): [string, unknown] => [kind, ['approval', names]]),
    ];
    const documented = rows('Sealed envelopes', 'body', (cells) => [plain(cells[1]), list(cells[2])]);
    expect(documented).toEqual(expected(bodies));
  });

  it('has the frames, with their layout', () => {
    const types = table('Frames', 'type').map(([type, name]): [string, string] => [type ?? '', plain(name)]);
    expect(types).toEqual([0, 1, 2].map((type) => [String(type), decodeFrame(example(type)).type]));
    expect(() => decodeFrame(Uint8Array.of(types.length))).toThrow('frame type');
    const sizes = table('Frames', 'type').map(([, , layout = '']) =>
      [...layout.matchAll(/ ([uf])(\d+)/g)].reduce((sum, [, , bits]) => sum + Number(bits) / 8, 1),
    );
    expect(sizes).toEqual([1, CHUNK_HEADER_BYTES, encodeAck(0, 0, 0, 0).length]);
  });

  it('has the control frames', () => {
    expect(rows('Control frames', 'kind', (cells) => list(cells[1]))).toEqual(expected(kinds(ControlFrame)));
  });

  it('has the entry', () => {
    const documented = table('Entries', 'field').map(([name]) => plain(name));
    expect(documented.sort()).toEqual(fields(EntryHeader));
    const [, wire = ''] = /An entry travels as CBOR `\[([^\]]+)\]`/.exec(text) ?? [];
    expect(wire.split(', ')).toHaveLength(WireEntry.items.length);
  });

  it('has the payloads', () => {
    expect(rows('Payloads', 'kind', (cells) => list(cells[1]))).toEqual(expected(kinds(Payload)));
    expect(rows('Payloads', 'part', (cells) => list(cells[1]))).toEqual([['OfferedFile', fields(OfferedFile)]]);
  });

  it('has the payloads of the log of a group', () => {
    expect(rows('Payloads of the log', 'kind', (cells) => list(cells[1]))).toEqual(expected(kinds(GroupPayload)));
  });

  it('has the limits with their values, each with a reason', () => {
    const documented = rows('Limits', 'limit', (cells) => Number(cells[1]?.replaceAll(',', '')));
    expect(documented).toEqual(expected(Object.entries(limits)));
    for (const [name, , reason = ''] of table('Limits', 'limit')) expect(reason, name).not.toBe('');
  });

  it('is of this version', () => {
    expect(text).toContain(`\nVersion ${PROTOCOL_VERSION}.`);
    expect(text).toContain(`\`PROTOCOL_VERSION\` is ${PROTOCOL_VERSION}.`);
    expect(text.split(/^# History$/m)[1]).toContain(`**${PROTOCOL_VERSION}**`);
  });
});

/** One frame of each type. */
function example(type: number) {
  if (type === 0) return encodeControl({ kind: 'stop', stream: 0, reason: 'done' });
  if (type === 2) return encodeAck(0, 0, 0, 0);
  const chunk = new Uint8Array(CHUNK_HEADER_BYTES + 1);
  chunk[0] = type;
  return chunk;
}
