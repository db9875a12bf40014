"""GA4GH Phenopackets, version 2, of cancer: a person is a packet, each row of the CDM is told in one place of it or counted with the reason why not."""
