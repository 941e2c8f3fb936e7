// What stream-serve adds to whep::Service: options and events.
#pragma once
#include <boost/asio/io_context.hpp>
#include <memory>

#include "control/service.h"
#include "serve.h"
#include "whep/service.h"

namespace stream::serve {

// Throws Error kUsage "serve.rtc" for options that can't be.
void check_rtc(const Options& options);
std::unique_ptr<whep::Service> watch(boost::asio::io_context& io, const Options& options,
                                     control::Service& service);
// Who watches what, for the status.
control::Json watching_json(const whep::Service& viewers);
// Of the paths that are not WHEP's GET and HEAD are all there is.
http::Admit admit(const whep::Service& viewers, const http::Request& request);

}  // namespace stream::serve
