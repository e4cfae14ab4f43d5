"""What Tencent's own SDK finds at the COS server of the tests: prints one JSON object of its findings."""

import hashlib
import json
import os
import sys

import crcmod
import requests
from qcloud_cos import CosConfig, CosS3Client, CosServiceError

endpoint, bucket, region = sys.argv[1:4]
secret_id, secret_key = os.environ["COS_SECRET_ID"], os.environ["COS_SECRET_KEY"]
address = endpoint[len("http://"):]
host = f"{bucket}.cos.{region}.myqcloud.com"


def client(key):
    # Only the address that is connected to changes; host and signature stay real.
    ip, port = address.split(":")
    return CosS3Client(CosConfig(Region=region, SecretId=secret_id, SecretKey=key, Scheme="http", IP=ip, Port=int(port)), retry=0)


def crc64(data):
    return str(crcmod.mkCrcFun(0x142F0E1EBA9EA3693, initCrc=0, xorOut=0xFFFFFFFFFFFFFFFF, rev=True)(data))


def code_of(call):
    try:
        call()
    except CosServiceError as error:
        return [error.get_status_code(), error.get_error_code()]
    return None


cos = client(secret_key)
key = "python/ä (1)+%.bin"
data = bytes(range(256)) * 4000
found = {}

put = cos.put_object(Bucket=bucket, Key=key, Body=data, ContentType="text/plain", EnableMD5=True)
found["put"] = put["ETag"] == f'"{hashlib.md5(data).hexdigest()}"' and put["x-cos-hash-crc64ecma"] == crc64(data)
found["head"] = cos.head_object(Bucket=bucket, Key=key)["Content-Length"]
got = cos.get_object(Bucket=bucket, Key=key)
found["get"] = got["Body"].get_raw_stream().read() == data and got["Content-Type"] == "text/plain"
found["range"] = cos.get_object(Bucket=bucket, Key=key, Range="bytes=3-6")["Body"].get_raw_stream().read().hex()

big = os.urandom(1024 * 1024) * 3 + b"tail"
cuts = [big[: 1024 * 1024], big[1024 * 1024 : 2 * 1024 * 1024], big[2 * 1024 * 1024 :]]
upload = cos.create_multipart_upload(Bucket=bucket, Key="python/big")["UploadId"]
parts = []
for number, cut in enumerate(cuts, 1):
    sent = cos.upload_part(Bucket=bucket, Key="python/big", Body=cut, PartNumber=number, UploadId=upload)
    parts.append({"PartNumber": number, "ETag": sent["ETag"]})
found["parts"] = [part["Size"] for part in cos.list_parts(Bucket=bucket, Key="python/big", UploadId=upload)["Part"]]
found["uploads"] = [item["Key"] for item in cos.list_multipart_uploads(Bucket=bucket, Prefix="python/")["Upload"]]
cos.complete_multipart_upload(Bucket=bucket, Key="python/big", UploadId=upload, MultipartUpload={"Part": parts})
whole = cos.get_object(Bucket=bucket, Key="python/big")
found["multipart"] = whole["Body"].get_raw_stream().read() == big and whole["x-cos-hash-crc64ecma"] == crc64(big)
aborted = cos.create_multipart_upload(Bucket=bucket, Key="python/aborted")["UploadId"]
cos.abort_multipart_upload(Bucket=bucket, Key="python/aborted", UploadId=aborted)
found["aborted"] = code_of(lambda: cos.list_parts(Bucket=bucket, Key="python/aborted", UploadId=aborted))

# Signed for the real host, which a client with an address of its own would not do.
linking = CosS3Client(CosConfig(Region=region, SecretId=secret_id, SecretKey=secret_key, Scheme="http"))
link = linking.get_presigned_url(Bucket=bucket, Key=key, Method="GET", Expired=60, Params={"response-content-type": "text/x-own"})
answer = requests.get(link.replace(host, address), headers={"Host": host})
found["link"] = [answer.status_code, answer.headers["content-type"], answer.content == data]
found["forged_link"] = requests.get(link.replace(host, address).replace("text", "code"), headers={"Host": host}).status_code

for name in ("list/a", "list/b/c", "list/b/d", "list/e"):
    cos.put_object(Bucket=bucket, Key=name, Body=b"x")
page = cos.list_objects(Bucket=bucket, Prefix="list/", Delimiter="/", MaxKeys=2)
rest = cos.list_objects(Bucket=bucket, Prefix="list/", Delimiter="/", MaxKeys=2, Marker=page["NextMarker"])
found["list"] = [
    [item["Key"] for item in page["Contents"]],
    [item["Prefix"] for item in page["CommonPrefixes"]],
    page["IsTruncated"],
    [item["Key"] for item in rest["Contents"]],
    rest["IsTruncated"],
]

rule = {"ID": "one", "Filter": {"Prefix": "tmp/"}, "Status": "Enabled", "Expiration": {"Days": "9"}}
found["no_lifecycle"] = code_of(lambda: cos.get_bucket_lifecycle(Bucket=bucket))
cos.put_bucket_lifecycle(Bucket=bucket, LifecycleConfiguration={"Rule": [rule]})
found["lifecycle"] = cos.get_bucket_lifecycle(Bucket=bucket)["Rule"][0]["ID"]

names = [{"Key": name} for name in ("list/a", "list/b/c", "list/b/d", "list/e", "python/big", "never/there")]
found["deleted"] = len(cos.delete_objects(Bucket=bucket, Delete={"Object": names, "Quiet": "false"})["Deleted"])
cos.delete_object(Bucket=bucket, Key=key)
found["gone"] = code_of(lambda: cos.get_object(Bucket=bucket, Key=key))
found["wrong_key"] = code_of(lambda: client("x" * 32).put_object(Bucket=bucket, Key="python/no", Body=b"x"))

print(json.dumps(found))
