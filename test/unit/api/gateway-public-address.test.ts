import { isPublicAddress } from '../../../tasks/public-address.ts';

describe('isPublicAddress', () => {
  test.each(['8.8.8.8', '93.184.216.34', '2606:4700:4700::1111', '2001:4860:4860::8888'])('is true for %s', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  test.each([
    ['loopback', '127.0.0.1'],
    ['private', '10.1.2.3'],
    ['private', '172.16.0.1'],
    ['private', '192.168.1.1'],
    ['link-local and metadata', '169.254.169.254'],
    ['CGNAT and metadata', '100.100.100.200'],
    ['metadata', '192.0.0.192'],
    ['metadata that looks public', '168.63.129.16'],
    ['unspecified', '0.0.0.0'],
    ['this network', '0.1.2.3'],
    ['multicast', '224.0.0.1'],
    ['reserved', '240.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['benchmarking', '198.18.0.1'],
    ['documentation', '192.0.2.1'],
    ['6to4 relay', '192.88.99.1'],
    ['loopback', '::1'],
    ['unspecified', '::'],
    ['v4-mapped', '::ffff:8.8.8.8'],
    ['v4-compatible', '::8.8.8.8'],
    ['NAT64', '64:ff9b::808:808'],
    ['local NAT64', '64:ff9b:1::1'],
    ['6to4', '2002:808:808::1'],
    ['Teredo', '2001::1'],
    ['documentation', '2001:db8::1'],
    ['unique-local', 'fd00:ec2::254'],
    ['link-local', 'fe80::1'],
    ['site-local', 'fec0::1'],
    ['multicast', 'ff02::1'],
    ['a zone', '2606:4700::1%eth0'],
    ['short spelling', '127.1'],
    ['octal spelling', '010.8.8.8'],
    ['decimal spelling', '134744072'],
    ['a name', 'example.com'],
    ['nothing', ''],
  ])('is false for %s: %s', (_kind, address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});
