// OpenSSL's AES and HMAC in place of those that libsrtp2 was built with, by its own means for that.
// Debian's libsrtp2 goes through NSS, which looks each packet's key up among those of all sessions:
// 4 us a packet with 400 sessions, 13 us with 1000; here it is less than 1 us however many there
// are.
#pragma once

namespace stream::webrtc {

// Once, after srtp_init() and before the first session. What libsrtp2 refuses (it tests each with
// vectors of its own, and may be built without GCM) stays as it was. Returns how many of the five
// are ours now.
int use_openssl_in_srtp();

}  // namespace stream::webrtc
