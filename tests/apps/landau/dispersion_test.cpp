// SPDX-License-Identifier: Apache-2.0
#include "landau/numerics/dispersion.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace {

using Complex = std::complex<double>;

// Fails if the series or its continuation to the lower half plane is wrong. Values: exp(-z^2) erfc(-iz) with 30 digits.
TEST(Faddeeva, AgreesWithThirtyDigits) {
  const std::pair<Complex, Complex> known[] = {
      {{0, 0}, {1, 0}},
      {{0, 1}, {0.427583576155807, 0}},
      {{1, 1}, {0.30474420525691259, 0.20821893820283163}},
      {{1, -1}, {-1.1370378783511974, 2.026813791854195}},
      {{3, -0.5}, {-0.03744011710042426, 0.19302847942731711}},
      {{5, 0.001}, {2.4080463967103414e-5, 0.11524595667450373}},
      {{20, 1}, {0.0014122347663929661, 0.028173995667521983}},
      {{0.1, 30}, {0.018795680598257373, 6.2582848375237754e-5}},
  };
  for (const auto& [z, w] : known) EXPECT_LT(std::abs(landau::faddeeva(z) - w), 2e-13 * std::abs(w)) << z;
}

// Fails if another root is found, or the derivative lets Newton stop early. Values: Newton's method with 50 digits.
TEST(Dispersion, LandauRootsAgreeWithTheReference) {
  const double known[][3] = {
      {0.3, 1.15984648, -0.0126203684}, {0.4, 1.28505697, -0.0661279587}, {0.5, 1.41566189, -0.153359467}};
  for (const auto& [k, omega, gamma] : known) {
    const auto root = landau::landau_root(k);
    ASSERT_TRUE(root);
    EXPECT_NEAR(root->real(), omega, 6e-9);
    EXPECT_NEAR(root->imag(), gamma, 5e-10);
  }
}

// Fails if the path of growing k jumps to another branch: omega and -gamma grow with k without a break.
TEST(Dispersion, LandauRootsFollowOneBranch) {
  Complex last{0, 0};
  for (double k = 0.1; k < 3; k += 0.05) {
    const auto root = landau::landau_root(k);
    ASSERT_TRUE(root) << k;
    EXPECT_LT(std::abs(landau::dielectric(k, 0, *root)), 1e-12) << k;
    EXPECT_GT(root->real(), last.real()) << k;
    EXPECT_LE(root->imag(), last.imag() + 1e-12) << k;
    last = *root;
  }
}

// Fails if the beams' Doppler shifts or halves are wrong.
TEST(Dispersion, TwoStreamRootAgreesWithTheReference) {
  const auto root = landau::two_stream_root(0.2, 3);
  ASSERT_TRUE(root);
  EXPECT_NEAR(root->imag(), 0.284509686, 6e-10);
  EXPECT_EQ(root->real(), 0);
}

// Fails if a root is invented where there is none: slow beams, or waves too short.
TEST(Dispersion, StableBeamsHaveNoGrowingRoot) {
  EXPECT_FALSE(landau::two_stream_root(0.2, 1.0));
  EXPECT_FALSE(landau::two_stream_root(0.9, 3.0));
  EXPECT_TRUE(landau::two_stream_root(0.1, 2.0));
}

// Fails if the sum over kicks is not the integral's trapezoidal rule: it must converge to the root with the square of the
// step, from the known error at 0.1 (a second solver found 0.07 to 0.28 %, depending on k).
TEST(Dispersion, KicksChangeTheRootWithTheSquareOfTheStep) {
  const auto root = *landau::landau_root(0.5);
  const auto error = [&](double step) { return std::abs(*landau::root_with_kicks(0.5, 0, step, root) - root); };
  EXPECT_NEAR(error(0.1) / error(0.05), 4, 0.02);
  EXPECT_NEAR(landau::root_with_kicks(0.5, 0, 0.1, root)->imag() / root.imag() - 1, -0.00095, 0.00002);
}

// Fails if the residue is wrong: for k = 0.5 the field is 4 a 0.3677 exp(gamma t) cos(omega t - 0.5362), up to its sign.
TEST(Dispersion, AmplitudeAndPhaseAgreeWithTheReference) {
  const Complex amplitude = landau::mode_amplitude(0.5, 0, *landau::landau_root(0.5));
  EXPECT_NEAR(2 * std::abs(amplitude), 4 * 0.3677, 2e-4);
  EXPECT_NEAR(std::arg(-amplitude), 0.5362, 1e-4);  // electrons: the field starts negative
}

}  // namespace
