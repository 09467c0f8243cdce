// What a program in TypeScript sees of the description: it compiles, or a schema is not what it says.
import type { components, operations } from "./sealdrop";

type Schemas = components["schemas"];

const secret: Schemas["NewSecret"] = {
  ciphertext: "e30=",
  password_part_private: "YQ==",
  expiration: "24",
  max_views: 2,
  view_button: true,
};
const key: Schemas["JsonWebKey"] = { kty: "RSA", n: "AQAB", e: "AQAB" };
const box: Schemas["NewBox"] = { publickey: key, privatekeyhash: "h", v: "1.0" };
type Created = operations["createSecret"]["responses"][201]["content"]["application/json"];
const link = (created: Created): string | undefined => created.data.url;
const id = (made: Schemas["BoxKey"]): number => made.KeyId;
const messages = (made: Schemas["BoxKey"]): Schemas["Message"][] => made.Messages;

export { box, id, link, messages, secret };
