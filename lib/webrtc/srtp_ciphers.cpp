#include "webrtc/srtp_ciphers.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <srtp2/auth.h>
#include <srtp2/cipher.h>
#include <srtp2/srtp.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>

namespace stream::webrtc {
namespace {

constexpr int kGcmSalt = 12, kCounterSalt = 14;  // behind the key

// --- what both modes of AES have in common ----------------------------------------------------

struct SrtpCipher {
  srtp_cipher_t head{};
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  const EVP_CIPHER* mode = nullptr;
  unsigned tag_size = 0;                 // of GCM
  bool encrypts = true;                  // of GCM
  std::array<uint8_t, 16> counter_salt;  // of counter mode

  ~SrtpCipher() { EVP_CIPHER_CTX_free(context); }
};

SrtpCipher& cipher_of(void* state) {
  return *static_cast<SrtpCipher*>(state);
}

srtp_err_status_t status_of(bool good, srtp_err_status_t bad = srtp_err_status_cipher_fail) {
  return good ? srtp_err_status_ok : bad;
}

srtp_err_status_t new_cipher(const srtp_cipher_type_t& type, const EVP_CIPHER* mode, int key_size,
                             int tag_size, srtp_cipher_pointer_t* result) {
  // libsrtp calls this: nothing may be thrown through it.
  std::unique_ptr<SrtpCipher> cipher(new (std::nothrow) SrtpCipher);
  if (!cipher || cipher->context == nullptr) return srtp_err_status_alloc_fail;
  cipher->mode = mode;
  cipher->tag_size = static_cast<unsigned>(tag_size);
  cipher->head = {&type, cipher.get(), key_size, static_cast<int>(type.id)};
  *result = &cipher.release()->head;
  return srtp_err_status_ok;
}

srtp_err_status_t free_cipher(srtp_cipher_pointer_t cipher) {
  delete static_cast<SrtpCipher*>(cipher->state);
  return srtp_err_status_ok;
}

// In place; null: data that is authenticated only.
bool pass(SrtpCipher& cipher, uint8_t* out, const uint8_t* in, unsigned size) {
  int length = 0;
  return size == 0 ||
         EVP_CipherUpdate(cipher.context, out, &length, in, static_cast<int>(size)) == 1;
}

// --- GCM (RFC 7714) ---------------------------------------------------------------------------

srtp_err_status_t gcm_init(void* state, const uint8_t* key) {
  SrtpCipher& cipher = cipher_of(state);
  return status_of(EVP_CipherInit_ex(cipher.context, cipher.mode, nullptr, key, nullptr, 1) == 1,
                   srtp_err_status_init_fail);
}

srtp_err_status_t gcm_set_iv(void* state, uint8_t* iv, srtp_cipher_direction_t direction) {
  SrtpCipher& cipher = cipher_of(state);
  cipher.encrypts = direction != srtp_direction_decrypt;
  return status_of(EVP_CipherInit_ex(cipher.context, nullptr, nullptr, nullptr, iv,
                                     cipher.encrypts ? 1 : 0) == 1);
}

srtp_err_status_t gcm_set_aad(void* state, const uint8_t* data, uint32_t size) {
  return status_of(pass(cipher_of(state), nullptr, data, size), srtp_err_status_algo_fail);
}

srtp_err_status_t gcm_encrypt(void* state, uint8_t* buffer, unsigned* size) {
  return status_of(pass(cipher_of(state), buffer, buffer, *size));
}

srtp_err_status_t gcm_get_tag(void* state, uint8_t* tag, uint32_t* size) {
  SrtpCipher& cipher = cipher_of(state);
  int none = 0;
  *size = cipher.tag_size;
  return status_of(EVP_CipherFinal_ex(cipher.context, tag, &none) == 1 &&
                       EVP_CIPHER_CTX_ctrl(cipher.context, EVP_CTRL_AEAD_GET_TAG,
                                           static_cast<int>(cipher.tag_size), tag) == 1,
                   srtp_err_status_algo_fail);
}

// The tag stands at the end of what is given.
srtp_err_status_t gcm_decrypt(void* state, uint8_t* buffer, unsigned* size) {
  SrtpCipher& cipher = cipher_of(state);
  if (*size < cipher.tag_size) return srtp_err_status_bad_param;
  const unsigned length = *size - cipher.tag_size;
  std::array<uint8_t, 16> rest;
  int none = 0;
  if (EVP_CIPHER_CTX_ctrl(cipher.context, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(cipher.tag_size),
                          buffer + length) != 1 ||
      !pass(cipher, buffer, buffer, length) ||
      EVP_CipherFinal_ex(cipher.context, rest.data(), &none) != 1)
    return srtp_err_status_auth_fail;
  *size = length;
  return srtp_err_status_ok;
}

// --- counter mode (RFC 3711 4.1.1) ------------------------------------------------------------

srtp_err_status_t counter_init(void* state, const uint8_t* key) {
  SrtpCipher& cipher = cipher_of(state);
  cipher.counter_salt.fill(0);
  std::copy_n(key + EVP_CIPHER_get_key_length(cipher.mode), kCounterSalt,
              cipher.counter_salt.begin());
  return status_of(EVP_CipherInit_ex(cipher.context, cipher.mode, nullptr, key, nullptr, 1) == 1,
                   srtp_err_status_init_fail);
}

srtp_err_status_t counter_set_iv(void* state, uint8_t* iv, srtp_cipher_direction_t) {
  SrtpCipher& cipher = cipher_of(state);
  std::array<uint8_t, 16> begin = cipher.counter_salt;
  for (size_t i = 0; i < begin.size(); ++i) begin[i] ^= iv[i];
  return status_of(EVP_CipherInit_ex(cipher.context, nullptr, nullptr, nullptr, begin.data(), 1) ==
                   1);
}

srtp_err_status_t counter_crypt(void* state, uint8_t* buffer, unsigned* size) {
  return status_of(pass(cipher_of(state), buffer, buffer, *size));
}

// --- HMAC-SHA1 (RFC 2104) ---------------------------------------------------------------------

constexpr int kDigest = 20;

struct SrtpHmac {
  srtp_auth_t head{};
  EVP_MAC_CTX* context = nullptr;

  SrtpHmac() {
    static EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);  // as long as we run
    if (mac != nullptr) context = EVP_MAC_CTX_new(mac);
  }
  ~SrtpHmac() { EVP_MAC_CTX_free(context); }
};

EVP_MAC_CTX* mac_of(void* state) {
  return static_cast<SrtpHmac*>(state)->context;
}

extern const srtp_auth_type_t kHmacType;

srtp_err_status_t hmac_alloc(srtp_auth_pointer_t* result, int key_size, int tag_size) {
  if (tag_size > kDigest) return srtp_err_status_bad_param;
  std::unique_ptr<SrtpHmac> hmac(new (std::nothrow) SrtpHmac);
  if (!hmac || hmac->context == nullptr) return srtp_err_status_alloc_fail;
  hmac->head = {&kHmacType, hmac.get(), tag_size, key_size, 0};
  *result = &hmac.release()->head;
  return srtp_err_status_ok;
}

srtp_err_status_t hmac_free(srtp_auth_pointer_t hmac) {
  delete static_cast<SrtpHmac*>(hmac->state);
  return srtp_err_status_ok;
}

srtp_err_status_t hmac_init(void* state, const uint8_t* key, int key_size) {
  char digest[] = "SHA1";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  return status_of(EVP_MAC_init(mac_of(state), key, static_cast<size_t>(key_size), parameters) == 1,
                   srtp_err_status_auth_fail);
}

srtp_err_status_t hmac_start(void* state) {
  return status_of(EVP_MAC_init(mac_of(state), nullptr, 0, nullptr) == 1,
                   srtp_err_status_auth_fail);
}

srtp_err_status_t hmac_update(void* state, const uint8_t* data, int size) {
  return status_of(EVP_MAC_update(mac_of(state), data, static_cast<size_t>(size)) == 1,
                   srtp_err_status_auth_fail);
}

srtp_err_status_t hmac_compute(void* state, const uint8_t* data, int size, int tag_size,
                               uint8_t* tag) {
  std::array<uint8_t, kDigest> digest;
  size_t made = 0;
  if (tag_size > kDigest || hmac_update(state, data, size) != srtp_err_status_ok ||
      EVP_MAC_final(mac_of(state), digest.data(), &made, digest.size()) != 1)
    return srtp_err_status_auth_fail;
  std::copy_n(digest.begin(), tag_size, tag);
  return srtp_err_status_ok;
}

// --- the types, each with a vector that it is tested by ---------------------------------------

template <size_t N>
constexpr std::array<uint8_t, N / 2> bytes_of(const char (&hex)[N]) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::array<uint8_t, N / 2> bytes{};
  for (size_t i = 0; i < N / 2; ++i)
    bytes[i] = static_cast<uint8_t>(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
  return bytes;
}

// Test cases 4 and 16 of the GCM specification (McGrew and Viega); the key has a salt behind it.
constexpr auto kGcmKey = bytes_of(
    "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
    "000000000000000000000000");
auto gcm_iv = bytes_of("cafebabefacedbaddecaf888");
constexpr auto kGcmAad = bytes_of("feedfacedeadbeeffeedfacedeadbeefabaddad2");
constexpr auto kGcmPlain = bytes_of(
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
constexpr auto kGcm128 = bytes_of(
    "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
    "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
    "5bc94fbc3221a5db94fae95ae7121a47");
constexpr auto kGcm256 = bytes_of(
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
    "76fc6ece0f4e1768cddf8853bb2d551b");
// RFC 3711 B.2.
constexpr auto kCounterKey =
    bytes_of("2b7e151628aed2a6abf7158809cf4f3cf0f1f2f3f4f5f6f7f8f9fafbfcfd");
std::array<uint8_t, 16> counter_index{};
constexpr std::array<uint8_t, 48> kCounterPlain{};
constexpr auto kCounterStream = bytes_of(
    "e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab"
    "41e95b3bb0a2e8dd477901e4fca894c0");
// NIST SP 800-38A F.5.5, the first block.
constexpr auto kCounter256Key = bytes_of(
    "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"
    "f0f1f2f3f4f5f6f7f8f9fafbfcfd");
auto counter_256_index = bytes_of("0000000000000000000000000000feff");
constexpr auto kCounter256Plain = bytes_of("6bc1bee22e409f96e93d7e117393172a");
constexpr auto kCounter256Sealed = bytes_of("601ec313775789a5b7a7f504bbf3d228");
// RFC 2202 3, case 1.
constexpr auto kHmacKey = bytes_of("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b");
constexpr auto kHmacText = bytes_of("4869205468657265");
constexpr auto kHmacTag = bytes_of("b617318655057264e28bc0b6fb378c8ef146be00");

template <size_t N>
srtp_cipher_test_case_t gcm_case(int key_size, const std::array<uint8_t, N>& sealed) {
  return {key_size + kGcmSalt,
          kGcmKey.data(),
          gcm_iv.data(),
          kGcmPlain.size(),
          kGcmPlain.data(),
          static_cast<unsigned>(sealed.size()),
          sealed.data(),
          kGcmAad.size(),
          kGcmAad.data(),
          16,
          nullptr};
}
const srtp_cipher_test_case_t kGcm128Case = gcm_case(16, kGcm128),
                              kGcm256Case = gcm_case(32, kGcm256);
const srtp_cipher_test_case_t kCounterCase = {kCounterKey.size(),
                                              kCounterKey.data(),
                                              counter_index.data(),
                                              kCounterPlain.size(),
                                              kCounterPlain.data(),
                                              kCounterStream.size(),
                                              kCounterStream.data(),
                                              0,
                                              nullptr,
                                              0,
                                              nullptr};
const srtp_cipher_test_case_t kCounter256Case = {kCounter256Key.size(),
                                                 kCounter256Key.data(),
                                                 counter_256_index.data(),
                                                 kCounter256Plain.size(),
                                                 kCounter256Plain.data(),
                                                 kCounter256Sealed.size(),
                                                 kCounter256Sealed.data(),
                                                 0,
                                                 nullptr,
                                                 0,
                                                 nullptr};
const srtp_auth_test_case_t kHmacCase = {kHmacKey.size(),  kHmacKey.data(), kHmacText.size(),
                                         kHmacText.data(), kHmacTag.size(), kHmacTag.data(),
                                         nullptr};

extern const srtp_cipher_type_t kGcm128Type, kGcm256Type, kCounterType, kCounter256Type;

srtp_err_status_t gcm_128_alloc(srtp_cipher_pointer_t* result, int key_size, int tag_size) {
  if (key_size != 16 + kGcmSalt || (tag_size != 8 && tag_size != 16))
    return srtp_err_status_bad_param;
  return new_cipher(kGcm128Type, EVP_aes_128_gcm(), key_size, tag_size, result);
}
srtp_err_status_t gcm_256_alloc(srtp_cipher_pointer_t* result, int key_size, int tag_size) {
  if (key_size != 32 + kGcmSalt || (tag_size != 8 && tag_size != 16))
    return srtp_err_status_bad_param;
  return new_cipher(kGcm256Type, EVP_aes_256_gcm(), key_size, tag_size, result);
}
srtp_err_status_t counter_alloc(srtp_cipher_pointer_t* result, int key_size, int) {
  if (key_size != 16 + kCounterSalt) return srtp_err_status_bad_param;
  return new_cipher(kCounterType, EVP_aes_128_ctr(), key_size, 0, result);
}

srtp_err_status_t counter_256_alloc(srtp_cipher_pointer_t* result, int key_size, int) {
  if (key_size != 32 + kCounterSalt) return srtp_err_status_bad_param;
  return new_cipher(kCounter256Type, EVP_aes_256_ctr(), key_size, 0, result);
}

const srtp_cipher_type_t kGcm128Type = {gcm_128_alloc, free_cipher,     gcm_init,
                                        gcm_set_aad,   gcm_encrypt,     gcm_decrypt,
                                        gcm_set_iv,    gcm_get_tag,     "AES-128-GCM by OpenSSL",
                                        &kGcm128Case,  SRTP_AES_GCM_128};
const srtp_cipher_type_t kGcm256Type = {gcm_256_alloc, free_cipher,     gcm_init,
                                        gcm_set_aad,   gcm_encrypt,     gcm_decrypt,
                                        gcm_set_iv,    gcm_get_tag,     "AES-256-GCM by OpenSSL",
                                        &kGcm256Case,  SRTP_AES_GCM_256};
const srtp_cipher_type_t kCounterType = {
    counter_alloc,  free_cipher,     counter_init,
    nullptr,        counter_crypt,   counter_crypt,
    counter_set_iv, nullptr,         "AES-128 counter mode by OpenSSL",
    &kCounterCase,  SRTP_AES_ICM_128};
const srtp_cipher_type_t kCounter256Type = {
    counter_256_alloc, free_cipher,     counter_init,
    nullptr,           counter_crypt,   counter_crypt,
    counter_set_iv,    nullptr,         "AES-256 counter mode by OpenSSL",
    &kCounter256Case,  SRTP_AES_ICM_256};
const srtp_auth_type_t kHmacType = {hmac_alloc,
                                    hmac_free,
                                    hmac_init,
                                    hmac_compute,
                                    hmac_update,
                                    hmac_start,
                                    "HMAC-SHA1 by OpenSSL",
                                    &kHmacCase,
                                    SRTP_HMAC_SHA1};

}  // namespace

int use_openssl_in_srtp() {
  int replaced = srtp_replace_auth_type(&kHmacType, SRTP_HMAC_SHA1) == srtp_err_status_ok ? 1 : 0;
  for (const auto* type : {&kGcm128Type, &kGcm256Type, &kCounterType, &kCounter256Type})
    if (srtp_replace_cipher_type(type, type->id) == srtp_err_status_ok) ++replaced;
  return replaced;
}

}  // namespace stream::webrtc
