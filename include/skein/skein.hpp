// SPDX-License-Identifier: Apache-2.0
//
// All of Skein for programs.
#pragma once

#include "skein/base/block.hpp"
#include "skein/base/error.hpp"
#include "skein/collective/alltoall.hpp"
#include "skein/collective/alltoallv.hpp"
#include "skein/collective/bcast.hpp"
#include "skein/collective/gather.hpp"
#include "skein/collective/gatherv.hpp"
#include "skein/collective/nonblocking.hpp"
#include "skein/collective/operands.hpp"
#include "skein/collective/operators.hpp"
#include "skein/collective/reduce.hpp"
#include "skein/collective/reduce_scatter.hpp"
#include "skein/collective/scan.hpp"
#include "skein/collective/scatter.hpp"
#include "skein/runtime/attach.hpp"
#include "skein/runtime/runtime.hpp"
#include "skein/team/rank_local.hpp"
#include "skein/team/team.hpp"
#include "skein/version.hpp"
