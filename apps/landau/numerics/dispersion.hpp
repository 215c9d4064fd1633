// SPDX-License-Identifier: Apache-2.0
//
// What linear theory says: roots of the dispersion relation of a Maxwellian plasma and of two equal beams.
//
// Who      once per run, for the summary, the figures and the checks on the config.
// Units    wave numbers in inverse Debye lengths, frequencies in plasma frequencies, speeds in thermal speeds, so
//          omega/k is a speed without conversion. exp(-i omega t): Im omega < 0 is damping.
#pragma once

#include <complex>
#include <optional>

namespace landau {

/// The Faddeeva function w(z) = exp(-z^2) erfc(-iz), to about 1e-13 of its modulus away from its zeros in Im z < 0.
/// Source: Weideman, SIAM J. Numer. Anal. 31 (1994) 1497, doi:10.1137/0731077, eq. (38) with N = 48.
std::complex<double> faddeeva(std::complex<double> z);

/// The plasma dispersion function Z(zeta) = i sqrt(pi) w(zeta). Fried and Conte, 1961.
std::complex<double> plasma_dispersion(std::complex<double> zeta);

/// The dielectric function D(omega) of two Maxwellian beams of half the density at +-`beam_speed`, each of thermal
/// speed 1; beam_speed = 0 is one Maxwellian. Its roots are the modes of the plasma.
std::complex<double> dielectric(double wave_number, double beam_speed, std::complex<double> omega);

/// The least damped root for one Maxwellian with omega > 0 (its mirror image -omega is a root as well). Newton's method
/// along a path of growing k that starts from Bohm and Gross. Empty if Newton fails.
std::optional<std::complex<double>> landau_root(double wave_number);

/// The growing root of two beams. By symmetry it lies on the imaginary axis. Empty if the beams are stable.
std::optional<std::complex<double>> two_stream_root(double wave_number, double beam_speed);

/// The root near `start` of the same plasma when the field acts in kicks every `time_step` only, as it does in Strang
/// splitting: the error that the time step alone makes. The response to one kick is tau exp(-k^2 tau^2/2) cos(k u tau), so
/// the integral over tau that is the dielectric function becomes a sum. Empty if Newton fails.
std::optional<std::complex<double>> root_with_kicks(double wave_number, double beam_speed, double time_step,
                                                    std::complex<double> start);

/// The complex amplitude R of the mode `root` after an initial density perturbation cos(kx) of relative size 1: with
/// the mirror image of an oscillating root, E = 2 Re(R exp(-i root t)) sin(kx); a root on the imaginary axis has no mirror
/// image, and E = Re(R exp(-i root t)) sin(kx).
std::complex<double> mode_amplitude(double wave_number, double beam_speed, std::complex<double> root);

}  // namespace landau
