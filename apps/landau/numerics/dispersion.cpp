// SPDX-License-Identifier: Apache-2.0
#include "landau/numerics/dispersion.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace landau {
namespace {

using Complex = std::complex<double>;
constexpr Complex kI{0, 1};

// Weideman's rational series, valid for Im z >= 0: coefficients of (L + iz)/(L - iz), by a discrete Fourier transform
// that is slow but done once.
struct Weideman {
  static constexpr int kTerms = 48;
  double length = std::sqrt(kTerms / std::numbers::sqrt2);
  std::array<double, kTerms> coefficients{};

  Weideman() {
    constexpr int kHalf = 2 * kTerms;
    for (int n = 0; n < kTerms; ++n) {
      double sum = 0;
      for (int k = -kHalf + 1; k < kHalf; ++k) {
        const double theta = k * std::numbers::pi / kHalf;
        const double t = length * std::tan(theta / 2);
        sum += std::exp(-t * t) * (length * length + t * t) * std::cos((n + 1) * theta);
      }
      coefficients[static_cast<std::size_t>(n)] = sum / (2 * kHalf);
    }
  }

  Complex operator()(Complex z) const {
    const Complex below = length - kI * z;
    const Complex ratio = (length + kI * z) / below;
    Complex sum = 0;
    for (int n = kTerms - 1; n >= 0; --n) sum = sum * ratio + coefficients[static_cast<std::size_t>(n)];
    return 2.0 * sum / (below * below) + std::numbers::inv_sqrtpi / below;
  }
};

// The derivative is Z'(zeta) = -2 (1 + zeta Z), so D needs Z only, and so does D'.
struct Value {
  Complex function, derivative;
};

Value evaluate(double k, double beam_speed, Complex omega) {
  const double scale = k * std::numbers::sqrt2;
  Value d{1, 0};
  const std::array<double, 2> speeds{beam_speed, -beam_speed};
  for (const double u : speeds) {
    const Complex zeta = (omega - k * u) / scale;
    const Complex z = plasma_dispersion(zeta);
    d.function += (1.0 + zeta * z) / (2 * k * k);
    d.derivative += (z - 2.0 * zeta * (1.0 + zeta * z)) / (2 * k * k * scale);
  }
  return d;
}

// The same with a sum over kicks. Terms end where the kernel has fallen to round-off of its largest value.
Value evaluate_kicks(double k, double beam_speed, double time_step, Complex omega) {
  Value d{1, 0};
  const double growth = std::max(0.0, -omega.imag());
  const double last = (growth + std::sqrt(growth * growth + 2 * k * k * 45)) / (k * k);
  for (double tau = time_step; tau < last; tau += time_step) {
    const double kernel = time_step * tau * std::exp(-k * k * tau * tau / 2) * std::cos(k * beam_speed * tau);
    const Complex term = kernel * std::exp(kI * omega * tau);
    d.function += term;
    d.derivative += kI * tau * term;
  }
  return d;
}

template <class Evaluate>
std::optional<Complex> newton(Complex omega, Evaluate&& evaluate_at) {
  constexpr int kIterations = 60;
  for (int i = 0; i < kIterations; ++i) {
    const Value d = evaluate_at(omega);
    const Complex step = d.function / d.derivative;
    omega -= step;
    if (!std::isfinite(omega.real()) || !std::isfinite(omega.imag())) return std::nullopt;
    if (std::abs(step) < 1e-13 * (1 + std::abs(omega))) return omega;
  }
  return std::nullopt;
}

std::optional<Complex> newton(double k, double beam_speed, Complex omega) {
  return newton(omega, [&](Complex at) { return evaluate(k, beam_speed, at); });
}

}  // namespace

Complex faddeeva(Complex z) {
  static const Weideman series;
  if (z.imag() >= 0) return series(z);
  return 2.0 * std::exp(-z * z) - series(-z);
}

Complex plasma_dispersion(Complex zeta) { return kI / std::numbers::inv_sqrtpi * faddeeva(zeta); }

Complex dielectric(double wave_number, double beam_speed, Complex omega) {
  return evaluate(wave_number, beam_speed, omega).function;
}

std::optional<Complex> landau_root(double wave_number) {
  // At k = 0.25 Bohm-Gross is close enough for Newton; from there on the last root starts the next search.
  constexpr double kStart = 0.25;
  constexpr double kPathStep = 0.02;
  const auto bohm_gross = [](double k) { return Complex{std::sqrt(1 + 3 * k * k), -1e-3}; };
  if (wave_number <= kStart) return newton(wave_number, 0, bohm_gross(wave_number));
  std::optional<Complex> root = newton(kStart, 0, bohm_gross(kStart));
  const int steps = static_cast<int>(std::ceil((wave_number - kStart) / kPathStep));
  for (int i = 1; i <= steps && root; ++i) root = newton(kStart + (wave_number - kStart) * i / steps, 0, *root);
  return root;
}

std::optional<Complex> two_stream_root(double wave_number, double beam_speed) {
  // D is real on the imaginary axis, tends to 1 far up, and is negative at the origin exactly if the beams are unstable
  // (Penrose). Bisection between the two finds the root, Newton polishes it.
  const auto d = [&](double growth) { return dielectric(wave_number, beam_speed, {0, growth}).real(); };
  double low = 0;
  double high = 1;  // cold beams grow with at most 1/(2 sqrt 2) of the plasma frequency
  if (d(low) >= 0 || d(high) <= 0) return std::nullopt;
  for (int i = 0; i < 40; ++i) {
    const double middle = (low + high) / 2;
    (d(middle) < 0 ? low : high) = middle;
  }
  return newton(wave_number, beam_speed, {0, (low + high) / 2});
}

std::optional<Complex> root_with_kicks(double wave_number, double beam_speed, double time_step, Complex start) {
  return newton(start, [&](Complex at) { return evaluate_kicks(wave_number, beam_speed, time_step, at); });
}

Complex mode_amplitude(double wave_number, double beam_speed, Complex root) {
  // Laplace transform in time: E(omega) = N(omega)/D(omega), where N is the field of the free-streaming perturbation,
  // the integral of g/(v - omega/k) over v divided by k^2; the residue at the root is N/D'.
  const double scale = wave_number * std::numbers::sqrt2;
  const Complex z = (plasma_dispersion((root - wave_number * beam_speed) / scale) +
                     plasma_dispersion((root + wave_number * beam_speed) / scale)) /
                    2.0;
  const Complex numerator = z / (wave_number * wave_number * std::numbers::sqrt2);
  return numerator / evaluate(wave_number, beam_speed, root).derivative;
}

}  // namespace landau
