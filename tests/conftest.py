# SPDX-License-Identifier: Apache-2.0
"""Its being here puts this folder on the path, so that tests find ``fakes``."""
