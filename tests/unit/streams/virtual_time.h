// Until when the tests of schedules go, from 2026 on.
#pragma once

#ifdef NDEBUG
inline constexpr char kEndOfTime[] = "2036-01-01T00:00:00Z";
#else  // not optimised and under a sanitizer ten years take eight minutes
inline constexpr char kEndOfTime[] = "2027-01-01T00:00:00Z";
#endif
