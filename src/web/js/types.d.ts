// Types that several modules share. tsc reads this file (tests/node/tsconfig.json); browsers do not.

type LiveText = import("./common/live.js").LiveText;
type Lease = import("./common/lease.js").Lease;
type Upload = import("./common/upload.js").Upload;
type FileSealer = import("./crypto/stream.js").FileSealer;
type Bytes = Uint8Array<ArrayBuffer>;

/** A text to show. A `LiveText` follows the language of the page. */
type TextLike = string | LiveText;
/**
 * A part of a text in Markdown or of code, as a worker finds it: text, or what becomes an element
 * (common/text_nodes.js). `href` is that of a link, `start` the first number of a list, `scope` a kind of word in code.
 */
type TextPart = string | { tag: string; parts: TextPart[]; href?: string; start?: number; scope?: string };

/** What `h` and `replace` take as content; empty values are left out. */
type Child = Node | TextLike | false | null | undefined | readonly Child[];

/** Attributes and listeners of `h`. */
interface Props {
  onclick?: (event: MouseEvent & { currentTarget: HTMLElement }) => unknown;
  onsubmit?: (event: SubmitEvent & { target: HTMLFormElement }) => unknown;
  onkeydown?: (event: KeyboardEvent) => unknown;
  [name: string]: unknown;
}

type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

/** A labelled control, as `field` makes it. */
interface Field<C extends HTMLElement = Control> {
  node: HTMLElement;
  control: C;
  setError(text: TextLike): void;
}

interface PasswordField extends Field<HTMLInputElement> {
  readonly value: string;
}

/** Files and names of folders that were dropped or pasted. */
interface Dropped {
  files: File[];
  folders?: string[];
}

/** Numbers and texts for the places of a text; `count` chooses the plural form. */
interface Args {
  count?: number;
  [name: string]: unknown;
}

/** The texts of a language by their keys. */
type Texts = Record<string, string>;

/** Names, each with the parts of a `User-Agent` that belong to it. */
type AgentNames = [string, string[]][];

/** The data that the server puts into each page: `Data` in src/web/pages.rs. */
interface PageData {
  lang: string;
  page: string;
  name: string;
  config: {
    create: "open" | "account";
    boxes: "open" | "account" | "off";
    expiration: { min: number; max: number; default: number };
    max_ciphertext: number;
    max_upload: number | null;
    max_attachments: number;
  };
  messages: Texts;
  agents: { robots: AgentNames; programs: AgentNames; browsers: AgentNames; systems: AgentNames;
    robot_marks: string[] };
}

/** One view in the log of a secret. */
interface View {
  viewed_at: string;
  viewed_by_ip: string | null;
  viewed_by_user_agent: string | null;
}

/** Any other entry in the log of a secret. */
interface LogEvent {
  event: string;
  at: string;
  ip: string | null;
  user_agent: string | null;
}

/** A secret as its sender sees it. */
interface SentSecret {
  reply_key: string | null;
  reply: Answer | null;
  id: string;
  description: string | null;
  message: string | null;
  created_at: string;
  expires_at: string | null;
  max_views: number;
  view_times: number;
  expired: boolean;
  locked: boolean;
  draft: boolean;
  password: boolean;
  view_button: boolean;
  captcha: boolean;
  views: View[];
  events: LogEvent[];
}

/** A secret as its viewer sees it before it is opened. */
interface PublicSecret {
  views_left: number;
  expires_at: string | null;
  password: boolean;
  view_button: boolean;
  captcha: boolean;
  message: string | null;
  sender: string | null;
  attachments: { size: number }[];
}

/** The input of a viewer that opens a secret. */
interface Proofs {
  password?: string;
  captcha?: string;
}

/** The answer that creates a secret. */
interface NewSecret {
  id: string;
  expires_at: string | null;
  max_views: number;
  password: boolean;
  manage_token?: string;
}

/** The arguments of `hand` in common/sending.js: a call, its key, and the content and settings of the secret. */
interface HandRequest {
  path: string;
  key?: string;
  text: string;
  files: File[];
  fields?: Record<string, unknown>;
  mailed?: boolean;
  /** More fields of the body, from the public half. */
  withHalf?(publicHalf: string): Promise<Record<string, unknown>>;
  /** The fingerprint of the key for a reply. */
  reply?: string;
}

interface HandOptions extends HandRequest {
  signal?: AbortSignal;
  onProgress?(done: number, total: number): void;
  onWait?(seconds: number): void;
}

/** A request with its answers, as its requester sees it. */
interface RequestStatus {
  id: string;
  message: string | null;
  expires_at: string | null;
  expired: boolean;
  used: number;
  limit: number;
  answer_key: string | null;
  answers: Answer[];
  next_cursor: string | null;
}

interface Answer {
  id: string;
  created_at: string;
  expired: boolean;
  draft: boolean;
  view_times: number;
  max_views: number;
  viewed_at: string | null;
  sealed_part: string | null;
}

/** A secret request as its account sees it. */
interface SecretRequest {
  id: string;
  description: string | null;
  message: string | null;
  created_at: string;
  expires_at: string | null;
  used: number;
  limit: number;
  expired: boolean;
  send_to_email: string | null;
  secret_description: string | null;
  secret_message: string | null;
  secret_expiration: number | null;
  secret_max_views: number;
  secret_password: boolean;
  secrets: string[];
}

/** A secret request as the person who answers sees it. */
interface AskedRequest {
  answer_key: string | null;
  message: string | null;
  expires_at: string | null;
  send_to_email: string | null;
  uses_left: number;
  secret: { max_views: number; expiration: number | null; password: boolean; message: string | null };
}

interface Webhook {
  id: string;
  url: string;
  events: string[];
  created_at: string;
}

/** An API key of the account, without the key itself. */
interface ApiKeyEntry {
  id: string;
  kind: "private" | "public";
  name: string | null;
  created_at: string;
  last_used_on: string | null;
  /** Whether the page is signed in with it. */
  current: boolean;
}

/** A row of a list of the account: its name, its cells, and the texts to search. */
interface Row {
  name: string;
  cells: Child[];
  texts: (TextLike | null)[];
}

/** The state of the server: `GET /api/account/server`. */
interface ServerState {
  version: string;
  started_at: string;
  uptime_seconds: number;
  secrets: { live: number; created_today: number; views_today: number };
  boxes: number;
  messages: number;
  disk: { free_bytes: number | null; size_bytes: number | null; used_bytes: number | null };
  queues: { mails: number; webhook_calls: number; given_up: number };
  certificate_ends_at: string | null;
  warnings: { code: string; text: string }[];
  history: ServerHour[];
}

/** What happened in a period, and what was stored at its end. */
interface ServerFigures {
  created: number;
  views: number;
  burned: number;
  late_tries: number;
  refusals: number;
  live_secrets: number;
  stored_bytes: number;
}

interface ServerHour extends ServerFigures { at: string }
interface ServerDay extends ServerFigures { start: Date }

/** A list of the account, described at `pagedList` in manage/list.js. */
interface ListOptions<I extends { id: string }> {
  title: TextLike;
  /** The name of its files, without the ending. */
  name: string;
  /** The texts of the search; a short list has none. */
  label?: TextLike;
  hint?: TextLike;
  /** Reads a page: the first one, or the one at a cursor. */
  read(cursor: string | null, signal: AbortSignal): Promise<ListPage<I>>;
  columns: TextLike[];
  row(item: I): Row;
  details(item: I): Node;
  empty(): Node;
  /** The choices of a filter, besides all items. */
  filters?: { label: TextLike, fits(item: I): boolean }[];
  /** Other orders than newest first. */
  orders?: { label: TextLike, compare(one: I, other: I): number }[];
  /** What a file has of an item. */
  exported?(item: I): Record<string, unknown>;
  /** The deletion of several. */
  deletion?: ListDeletion;
}

/** A page of a list: `total` counts all items, `next` is the cursor of the next page. */
interface ListPage<I> {
  items: I[];
  total: number;
  next: string | null;
}

/** The deletion of several items, described at `selection` in manage/selection.js. */
interface ListDeletion {
  remove(id: string): Promise<void>;
  label(count: number): TextLike;
  title(count: number): TextLike;
  text: TextLike;
  done(count: number): TextLike;
}

interface PagedList {
  node: HTMLElement;
  load(): Promise<void>;
  search(query: string): Promise<void>;
  remove(id: string, told: TextLike): Promise<void>;
  renew(told: TextLike): Promise<void>;
}

/** The terms of a box: docs/key-service.md. */
interface Terms {
  IsLocked: boolean;
  LockDate: string;
  HasPrivateKey?: boolean;
  DeleteMessagesAfterReading: boolean;
  DeleteKeyAfterReading: boolean;
}

/** A message of a box, as the server lists it. */
interface BoxMessage {
  MessageId: number;
  Created: string;
  Size: number;
  IsFile: boolean;
  MessageHash?: string;
  MessageData: string;
  FileName: string | null;
  EncryptionKey: string | null;
  TemporaryDownloadId: string;
}

/** A message of a box, opened. If it could not be opened, `fails` is the reason and `raw` its ciphertext. */
interface BoxItem {
  id: number;
  created: string;
  size: number;
  isFile: boolean;
  sha256?: string;
  type?: string;
  name?: string;
  text?: string;
  raw?: string;
  key?: Bytes;
  fails?: Error;
}

/** Messages of a box, oldest first, and whether there may be more. */
interface BoxPage {
  items: BoxItem[];
  more: boolean;
}

/** The readers of box/reader.js. */
interface BoxReader {
  next(): Promise<BoxPage>;
  file(item: BoxItem, how: { signal: AbortSignal; found?: (item: BoxItem) => void; isInMemory: boolean }):
    Promise<ReadableStream<Bytes>>;
  delete(): Promise<void>;
}

/** An attachment, in the secret (`data`) or a file of its own (`n` and `key`): `pack` in crypto/secret.js. */
interface Attachment {
  name: string;
  type?: string;
  size: number;
  data?: Bytes;
  n?: number;
  key?: Bytes;
}

/** An attachment that is a file of its own. */
type SeparateFile = Attachment & { n: number; key: Bytes };

/** Names of SJCL that are used here; its source is in vendor/sjcl.js. */
interface Sjcl {
  cipher: { aes: new (key: number[]) => SjclAes };
  codec: { bytes: { toBits(bytes: ArrayLike<number>): number[]; fromBits(bits: number[]): number[] } };
  hash: { sha256: new () => { _h: Int32Array; _block(words: Int32Array): void } };
  misc: { hmac: new (key: number[]) => { _baseHash: { _h: number[] }[]; encrypt(data: number[]): number[] } };
  mode: { gcm: { _ghash(key: number[], state: number[], words: number[]): number[] } };
}

interface SjclAes {
  encrypt(words: number[]): number[];
}

/** The part of JSON Schema that /openapi.json uses. */
interface Schema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  allOf?: Schema[];
  oneOf?: Schema[];
  anyOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  maxItems?: number;
  format?: string;
  contentMediaType?: string;
}

interface Media {
  schema: Schema;
  example?: unknown;
  examples?: Record<string, { value: unknown }>;
}

interface Parameter {
  $ref?: string;
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  example?: unknown;
  schema: Schema;
}

interface ApiBody {
  $ref?: string;
  description?: string;
  content?: Record<string, Media>;
  headers?: Record<string, { $ref?: string; description?: string }>;
}

/** A call of /openapi.json, with its path and method. */
interface Operation {
  path: string;
  method: string;
  operationId: string;
  summary: string;
  description?: string;
  tags: string[];
  parameters?: Parameter[];
  requestBody?: ApiBody;
  responses: Record<string, ApiBody>;
  security?: Record<string, string[]>[];
  "x-codeSamples"?: { label: string; source: string }[];
}

/** /openapi.json */
interface Api {
  info: { description: string };
  tags: { name: string; description?: string }[];
  paths: Record<string, Record<string, Operation>>;
}

interface Window {
  /** Chromium's: https://wicg.github.io/file-system-access/ */
  showSaveFilePicker?(options: { suggestedName: string }): Promise<FileSystemFileHandle>;
}

/** Trusted Types: https://w3c.github.io/trusted-types/ */
declare var trustedTypes: undefined | {
  createPolicy(name: string, rules: ScriptRules): ScriptRules;
};

interface ScriptRules {
  createScriptURL(url: string): string;
}

/** What the worker of the app uses of service workers; tsc's own types of workers contradict those of pages. */
interface ExtendableEvent extends Event {
  waitUntil(done: Promise<unknown>): void;
}

interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  respondWith(answer: Response | Promise<Response>): void;
}

interface ServiceWorkerGlobalScope {
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", listener: (event: ExtendableEvent) => void): void;
  addEventListener(type: "fetch", listener: (event: FetchEvent) => void): void;
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
}
