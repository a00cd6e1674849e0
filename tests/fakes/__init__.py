# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for what is outside the project, with the habits of the real thing."""
