//! From a flavor and an image to what a provider launches.
//!
//! One implementation for both sides: the scheduler asks it whether a request can be served and
//! what it costs, the burst host asks it what to launch.

use crate::policy::{BurstHost, InstanceSize};
use crate::reason::Reason;
use crate::request::{Flavor, Image, Request};

impl BurstHost {
    /// The provider's image that stands for `image`.
    ///
    /// # Errors
    /// [`Reason::ImageUnmapped`] when no mapping matches.
    pub fn provider_image(&self, image: &Image) -> Result<&str, Reason> {
        let names = [image.id.as_deref(), image.name.as_deref()];
        self.images
            .iter()
            .find(|mapping| {
                mapping.image.matches_any(names.into_iter().flatten())
                    && mapping.os_distro.matches(image.os_distro.as_deref())
                    && mapping.architecture.matches(Some(image.architecture()))
            })
            .map(|mapping| mapping.provider_image.as_str())
            .ok_or_else(|| Reason::ImageUnmapped {
                burst_host: self.name.clone(),
            })
    }

    /// The sizes that can run the flavor, best first: the pinned one alone, else every size that
    /// fits by price (unknown last), then by size, then in the order of the file.
    ///
    /// # Errors
    /// [`Reason::PinnedSizeUnusable`] or [`Reason::SizeUnmapped`].
    pub fn fitting_sizes(
        &self,
        flavor: &Flavor,
        image: &Image,
    ) -> Result<Vec<&InstanceSize>, Reason> {
        let fits = |size: &&InstanceSize| {
            size.vcpus >= flavor.vcpus
                && size.memory_mb >= flavor.memory_mb
                && size.architecture == image.architecture()
        };
        let pin = flavor
            .extra_specs
            .get(Request::SIZE_KEY)
            .or_else(|| self.flavors.get(&flavor.name));
        if let Some(name) = pin {
            return match self
                .sizes
                .iter()
                .find(|size| size.name == *name)
                .filter(fits)
            {
                Some(size) => Ok(vec![size]),
                None => Err(Reason::PinnedSizeUnusable {
                    burst_host: self.name.clone(),
                    size: name.clone(),
                }),
            };
        }
        let mut fitting: Vec<_> = self.sizes.iter().filter(fits).collect();
        if fitting.is_empty() {
            return Err(Reason::SizeUnmapped {
                burst_host: self.name.clone(),
            });
        }
        fitting.sort_by_key(|size| (size.price.is_none(), size.price, size.vcpus, size.memory_mb));
        Ok(fitting)
    }
}
