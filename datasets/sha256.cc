// The only file of this folder that includes OpenSSL.
#include <openssl/evp.h>

#include "datasets/cache.h"
#include "datasets/open.h"

namespace kith {

Result<std::string> sha256_of(const std::string& path) {
  auto source = TRY(open_file_source(path));
  InputStream stream(path, std::move(source));
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  if (context == nullptr || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1)
    return resource_exhausted("no memory for a digest");
  for (;;) {
    const std::span<const std::byte> ready = TRY(stream.peek());
    if (ready.empty()) break;
    EVP_DigestUpdate(context.get(), ready.data(), ready.size());
    stream.consume(ready.size());
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned bytes = 0;
  EVP_DigestFinal_ex(context.get(), digest, &bytes);
  std::string text;
  for (unsigned i = 0; i < bytes; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

}  // namespace kith
