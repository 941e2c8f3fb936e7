// check.mjs API_KEY SECRET_FILE: verifies the token on standard input with LiveKit's own library and prints
// its claims. With --make it prints a token that the library made of the grants in that JSON.
import { readFileSync } from "node:fs";
import { AccessToken, TokenVerifier } from "livekit-server-sdk";

const [key, file, make, grants] = process.argv.slice(2);
const secret = readFileSync(file, "utf8").trim();
if (make === "--make") {
  const token = new AccessToken(key, secret, { identity: "js", ttl: "1h" });
  token.addGrant(JSON.parse(grants));
  console.log(await token.toJwt());
} else {
  const token = readFileSync(0, "utf8").trim();
  console.log(JSON.stringify(await new TokenVerifier(key, secret).verify(token)));
}
